"""Where alerts come in: VTP, MQTT, HTTP, files."""
