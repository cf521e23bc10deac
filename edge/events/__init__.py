"""From detections to events that are kept."""
