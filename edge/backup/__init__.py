"""Snapshots of the device on an rclone remote, and the way back. The format is docs/backup-format.md."""
