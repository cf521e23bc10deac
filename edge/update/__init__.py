"""Updates of the whole system: two slots, signed bundles, one try, and the way back."""
