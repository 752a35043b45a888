"""The environments: what each one asks for, read from one page of YAML."""
