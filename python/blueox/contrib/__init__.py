"""Integrations with frameworks; each module needs its framework, and is imported by who wants it."""
