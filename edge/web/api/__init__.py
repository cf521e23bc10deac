"""The interface for machines, /api/v1: one file a resource."""
