"""What every vendor shares: one way to call, to pace, to mark, to rent and to let go."""
