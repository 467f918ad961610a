"""Device families: how long operations take, and what a multiplier block does."""
