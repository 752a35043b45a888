"""What the simulated Verda sells, and where: type → (GPUs, description, price, spot price), US dollars an hour."""

TYPES: dict[str, tuple[int, str, str, str]] = {
    "1A100.40S.22V": (1, "1x A100 SXM4 40GB", "0.7211", "0.2163"),
    "1A100.22V": (1, "1x A100 SXM4 80GB", "1.2900", "0.3870"),
    "1H100.80S.30V": (1, "1x H100 SXM5 80GB", "2.2900", "0.8015"),
    "8H100.80S.176V": (8, "8x H100 SXM5 80GB", "18.3200", "6.4120"),
    "1H200.141S.44V": (1, "1x H200 SXM5 141GB", "3.3900", "1.1865"),
    "4H200.141S.176V": (4, "4x H200 SXM5 141GB", "13.5600", "4.7460"),
    "1B200.30V": (1, "1x B200 SXM6 180GB", "4.8900", "1.7115"),
    "1B300.30V": (1, "1x B300 SXM6 262GB", "6.1100", "2.1385"),
    "1L40S.20V": (1, "1x L40S 48GB", "0.9142", "0.2743"),
    "1RTX6000ADA.10V": (1, "1x RTX 6000 Ada 48GB", "0.8262", "0.2479"),
    "1RTXPRO6000.30V": (1, "1x RTX PRO 6000 96GB", "1.3900", "0.4865"),
    "1A6000.10V": (1, "1x RTX A6000 48GB", "0.4890", "0.1467"),
    "1V100.6V": (1, "1x Tesla V100 16GB", "0.1380", "0.0595"),
    "CPU.4V.16G": (0, "", "0.0279", "0.0084"),
}
LOCATIONS = ("FIN-01", "FIN-02", "FIN-03", "ICE-01")
DISK_USD_PER_GB_HOUR = "0.000274"
