"""Real devices on INDI, Alpaca, Modbus and serial lines, met by PyROS on MQTT only."""
