"""How each place is reached: the resources that a program declares, and the provider process behind them."""
