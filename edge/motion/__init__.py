"""Motion decides whether and where to look: a scene in which nothing moves costs next to nothing."""
