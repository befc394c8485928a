"""MQTT: one broker core with two fronts (TCP, memory), the client links, the session actor."""

from protocols.mqtt.connection import MqttLink, MqttLinkError, MqttRefusedError
from protocols.mqtt.message import TRACEPARENT, MqttMessage, Will

__all__ = ["TRACEPARENT", "MqttLink", "MqttLinkError", "MqttMessage", "MqttRefusedError", "Will"]
