"""MQTT: one broker core with two fronts (TCP, memory), the client links, the session actor."""

from protocols.mqtt.connection import MqttLink, MqttLinkError, MqttRefusedError
from protocols.mqtt.message import MqttMessage, Will

__all__ = ["MqttLink", "MqttLinkError", "MqttMessage", "MqttRefusedError", "Will"]
