"""What every run must pass, whichever door it comes by, and one job from its contract."""
