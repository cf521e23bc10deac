"""The workers that ship."""
