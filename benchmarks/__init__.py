"""One script per promise, printing one JSON object, with ratios taken side by side. Nothing here fails on time."""
