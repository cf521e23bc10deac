"""Clips: encoded pictures kept in memory until something happens, then written as MP4 with the seconds before it."""
