"""Lambda's on-demand cloud: virtual machines, filesystems, SSH keys and firewall rulesets."""
