"""Facts about models, GPUs and engines, read strictly from data files; every row has a source and a date."""
