"""Bytes to types and back: MQTT, payloads, alert formats, FITS. No decisions here."""
