"""The PLC: mains, UPS, rain contact, door, lamps."""
