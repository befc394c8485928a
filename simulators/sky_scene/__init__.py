"""The sky as a detector sees it: stars, sky light, optics and detector, turned into counts.

`render` is the door. What it draws depends on its arguments alone: the same field looks the same
from any pointing and in any process, and the noise of a frame follows from the exposure's id.
"""

from simulators.sky_scene.detector import Detector, DetectorSettings, detector_for
from simulators.sky_scene.passband import PASSBANDS, Passband
from simulators.sky_scene.projection import TangentPlane
from simulators.sky_scene.scene import Optics, Scene, SceneResult, render
from simulators.sky_scene.stars import Stars, stars_around
from simulators.sky_scene.transient import Transient

__all__ = [
    "PASSBANDS",
    "Detector",
    "DetectorSettings",
    "Optics",
    "Passband",
    "Scene",
    "SceneResult",
    "Stars",
    "TangentPlane",
    "Transient",
    "detector_for",
    "render",
    "stars_around",
]
