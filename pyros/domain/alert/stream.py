"""What each mission's packet types are: stream, kind, usual class, containment of the error radius.

Numbers are GCN's packet types (https://gcn.gsfc.nasa.gov/filtering.html and the SVOM notice
documentation, read 2026). Containment follows each mission's notice description: Swift, SVOM,
IceCube tracks and INTEGRAL quote 90 %, Fermi GBM quotes the statistical 1 sigma radius (68 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PacketKind(StrEnum):
    """What a packet type carries."""

    TRIGGER = "trigger"  # a burst happened; usually no position yet
    POSITION = "position"  # a localisation to act upon
    REFINEMENT = "refinement"  # a better localisation of a burst told before
    SUBTHRESHOLD = "subthreshold"  # a candidate too weak to act upon alone
    LIGHTCURVE = "lightcurve"  # corroborates, never triggers
    PRODUCT = "product"  # image, spectrum, source list
    NEGATIVE = "negative"  # looked and did not find
    RETRACTION = "retraction"
    TEST = "test"
    HOUSEKEEPING = "housekeeping"  # where a spacecraft looks
    CATALOGUE = "catalogue"  # a known source, or another kind of transient


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketType:
    """One packet type.

    Attributes:
        stream: The instrument's stream, the key of all configuration.
        mission: Whose ids the packet carries.
        name: The type in words.
        kind: What it carries.
        classification: What the source is unless the packet says otherwise; None when it must say.
        containment: Probability within the error radius, None when the mission does not define it.
    """

    stream: str
    mission: str
    name: str
    kind: PacketKind
    classification: str | None = None
    containment: float | None = None


TEST_TYPES = frozenset({2, 44, 82, 109, 119, 124, 136, 153, 159})
"""Packet types that are tests whatever their role says."""

RETRACTION_TYPES = frozenset({164, 219})
"""Packet types that take back what they cite."""

_MISSIONS = {
    "swift": "Swift",
    "fermi": "Fermi",
    "svom": "SVOM",
    "integral": "INTEGRAL",
    "icecube": "IceCube",
    "amon": "AMON",
    "hawc": "HAWC",
    "gecam": "GECAM",
    "maxi": "MAXI",
    "lvk": "LVK",
    "ipn": "IPN",
    "konus": "Konus",
    "calet": "CALET",
    "agile": "AGILE",
    "hete": "HETE",
    "snews": "SNEWS",
    "superk": "Super-Kamiokande",
    "moa": "MOA",
    "gcn": "GCN",
}

_K = PacketKind
_ROWS: tuple[tuple[int, str, str, PacketKind, str | None, float | None], ...] = (
    (2, "gcn-test", "GCN test coordinates", _K.TEST, None, None),
    (3, "gcn", "I am alive", _K.HOUSEKEEPING, None, None),
    (4, "gcn", "kill socket", _K.HOUSEKEEPING, None, None),
    (31, "ipn", "IPN raw", _K.LIGHTCURVE, "GRB", None),
    (39, "ipn", "IPN position", _K.LIGHTCURVE, "GRB", None),
    (44, "hete", "HETE test", _K.TEST, None, None),
    (45, "gcn-counterpart", "counterpart position", _K.CATALOGUE, None, None),
    (46, "swift-bat", "Swift ToO figure of merit", _K.HOUSEKEEPING, None, None),
    (47, "swift-bat", "Swift ToO slew", _K.HOUSEKEEPING, None, None),
    (51, "integral", "INTEGRAL pointing", _K.HOUSEKEEPING, None, None),
    (52, "integral-spiacs", "INTEGRAL SPI-ACS", _K.LIGHTCURVE, "GRB", None),
    (53, "integral", "INTEGRAL wakeup", _K.POSITION, "GRB", 0.9),
    (54, "integral", "INTEGRAL refined", _K.REFINEMENT, "GRB", 0.9),
    (55, "integral", "INTEGRAL offline", _K.REFINEMENT, "GRB", 0.9),
    (56, "integral", "INTEGRAL weak", _K.SUBTHRESHOLD, "GRB", 0.9),
    (59, "konus", "Konus light curve", _K.LIGHTCURVE, "GRB", None),
    (60, "swift-bat", "BAT alert", _K.TRIGGER, "GRB", None),
    (61, "swift-bat", "BAT GRB position", _K.POSITION, None, 0.9),
    (62, "swift-bat", "BAT no position", _K.NEGATIVE, None, None),
    (63, "swift-bat", "BAT light curve", _K.PRODUCT, "GRB", None),
    (64, "swift-bat", "BAT scaled map", _K.PRODUCT, "GRB", None),
    (65, "swift-bat", "figure of merit", _K.HOUSEKEEPING, None, None),
    (66, "swift-bat", "spacecraft slew", _K.HOUSEKEEPING, None, None),
    (67, "swift-xrt", "XRT position", _K.REFINEMENT, "GRB", 0.9),
    (68, "swift-xrt", "XRT spectrum", _K.PRODUCT, "GRB", None),
    (69, "swift-xrt", "XRT image", _K.PRODUCT, "GRB", None),
    (70, "swift-xrt", "XRT light curve", _K.PRODUCT, "GRB", None),
    (71, "swift-xrt", "XRT no position", _K.NEGATIVE, None, None),
    (72, "swift-uvot", "UVOT image", _K.PRODUCT, "GRB", None),
    (73, "swift-uvot", "UVOT source list", _K.PRODUCT, "GRB", None),
    (76, "swift-bat", "BAT processed light curve", _K.PRODUCT, "GRB", None),
    (77, "swift-xrt", "XRT processed spectrum", _K.PRODUCT, "GRB", None),
    (78, "swift-xrt", "XRT processed image", _K.PRODUCT, "GRB", None),
    (79, "swift-uvot", "UVOT processed image", _K.PRODUCT, "GRB", None),
    (80, "swift-uvot", "UVOT processed source list", _K.PRODUCT, "GRB", None),
    (81, "swift-uvot", "UVOT position", _K.REFINEMENT, "GRB", 0.9),
    (82, "swift-bat", "BAT test position", _K.TEST, None, 0.9),
    (83, "swift-bat", "Swift planned pointing", _K.HOUSEKEEPING, None, None),
    (84, "swift-bat", "BAT transient", _K.CATALOGUE, "TRANSIENT", 0.9),
    (89, "swift-uvot", "UVOT no position", _K.NEGATIVE, None, None),
    (97, "swift-bat", "BAT quick-look position", _K.POSITION, "GRB", 0.9),
    (98, "swift-bat", "BAT sub-threshold position", _K.SUBTHRESHOLD, None, 0.9),
    (99, "swift-bat", "BAT slew-survey position", _K.SUBTHRESHOLD, None, 0.9),
    (103, "swift-bat", "Swift actual pointing", _K.HOUSEKEEPING, None, None),
    (105, "agile-mcal", "AGILE MCAL alert", _K.LIGHTCURVE, "GRB", None),
    (109, "agile", "SuperAGILE test", _K.TEST, None, None),
    (110, "fermi-gbm", "GBM alert", _K.TRIGGER, "GRB", None),
    (111, "fermi-gbm", "GBM flight position", _K.POSITION, None, 0.68),
    (112, "fermi-gbm", "GBM ground position", _K.REFINEMENT, "GRB", 0.68),
    (114, "fermi-gbm", "GBM internal ground position", _K.REFINEMENT, "GRB", 0.68),
    (115, "fermi-gbm", "GBM final position", _K.REFINEMENT, "GRB", 0.68),
    (119, "fermi-gbm", "GBM test position", _K.TEST, None, 0.68),
    (120, "fermi-lat", "LAT initial position", _K.POSITION, "GRB", 0.9),
    (121, "fermi-lat", "LAT updated position", _K.REFINEMENT, "GRB", 0.9),
    (122, "fermi-lat", "LAT diagnostic position", _K.PRODUCT, "GRB", 0.9),
    (123, "fermi-lat", "LAT transient", _K.CATALOGUE, "TRANSIENT", 0.9),
    (124, "fermi-lat", "LAT test position", _K.TEST, None, 0.9),
    (125, "fermi-lat", "LAT monitor", _K.CATALOGUE, "KNOWN_SOURCE", None),
    (126, "fermi-gbm", "Fermi slew", _K.HOUSEKEEPING, None, None),
    (127, "fermi-lat", "LAT ground position", _K.REFINEMENT, "GRB", 0.9),
    (128, "fermi-lat", "LAT offline position", _K.REFINEMENT, "GRB", 0.9),
    (129, "fermi-gbm", "Fermi pointing", _K.HOUSEKEEPING, None, None),
    (131, "fermi-gbm-subthreshold", "GBM sub-threshold", _K.SUBTHRESHOLD, None, 0.68),
    (133, "swift-bat", "BAT monitor", _K.CATALOGUE, "KNOWN_SOURCE", None),
    (134, "maxi-gsc", "MAXI unknown source", _K.CATALOGUE, "X_RAY_TRANSIENT", None),
    (135, "maxi-gsc", "MAXI known source", _K.CATALOGUE, "KNOWN_SOURCE", None),
    (136, "maxi-gsc", "MAXI test", _K.TEST, None, None),
    (139, "moa", "MOA lensing event", _K.CATALOGUE, "MICROLENSING", None),
    (140, "swift-bat", "BAT sub-sub-threshold", _K.SUBTHRESHOLD, None, 0.9),
    (141, "swift-bat", "BAT known source", _K.CATALOGUE, "KNOWN_SOURCE", 0.9),
    (149, "snews", "SNEWS", _K.TRIGGER, "SUPERNOVA_NEUTRINOS", None),
    (150, "lvk", "LVK preliminary", _K.POSITION, "GW", None),
    (151, "lvk", "LVK initial", _K.POSITION, "GW", None),
    (152, "lvk", "LVK update", _K.REFINEMENT, "GW", None),
    (153, "lvk", "LVK test", _K.TEST, None, None),
    (154, "lvk", "LVK counterpart", _K.CATALOGUE, None, None),
    (158, "icecube-hese", "IceCube HESE", _K.POSITION, "NEUTRINO", 0.9),
    (159, "icecube", "IceCube test", _K.TEST, None, None),
    (160, "calet-gbm", "CALET flight light curve", _K.LIGHTCURVE, "GRB", None),
    (161, "calet-gbm", "CALET ground light curve", _K.LIGHTCURVE, "GRB", None),
    (163, "lvk", "LVK early warning", _K.POSITION, "GW", None),
    (164, "lvk", "LVK retraction", _K.RETRACTION, None, None),
    (169, "icecube-ehe", "IceCube EHE", _K.POSITION, "NEUTRINO", 0.5),
    (171, "hawc", "HAWC burst monitor", _K.SUBTHRESHOLD, None, 0.9),
    (172, "amon-nu-em", "AMON neutrino-EM coincidence", _K.SUBTHRESHOLD, "NEUTRINO", 0.5),
    (173, "icecube-gold", "IceCube gold track", _K.POSITION, "NEUTRINO", 0.9),
    (174, "icecube-bronze", "IceCube bronze track", _K.POSITION, "NEUTRINO", 0.9),
    (175, "superk", "Super-Kamiokande supernova", _K.POSITION, "SUPERNOVA_NEUTRINOS", 0.9),
    (176, "icecube-cascade", "IceCube cascade", _K.POSITION, "NEUTRINO", 0.9),
    (188, "gecam", "GECAM flight", _K.POSITION, None, 0.68),
    (189, "gecam", "GECAM ground", _K.REFINEMENT, None, 0.68),
    (201, "svom-grm", "GRM trigger", _K.TRIGGER, "GRB", 0.9),
    (202, "svom-eclairs", "ECLAIRs wakeup", _K.POSITION, "GRB", 0.9),
    (203, "svom-eclairs", "ECLAIRs catalogue source", _K.CATALOGUE, "KNOWN_SOURCE", 0.9),
    (204, "svom-eclairs", "ECLAIRs slewing", _K.REFINEMENT, "GRB", 0.9),
    (205, "svom-eclairs", "ECLAIRs not slewing", _K.REFINEMENT, "GRB", 0.9),
    (209, "svom-mxt", "MXT initial", _K.REFINEMENT, "GRB", 0.9),
    (210, "svom-mxt", "MXT update", _K.REFINEMENT, "GRB", 0.9),
    (211, "svom-vt", "VT position", _K.REFINEMENT, "GRB", 0.9),
    (219, "svom", "SVOM retraction", _K.RETRACTION, None, None),
)

PACKET_TYPES: dict[int, PacketType] = {
    number: PacketType(
        stream=stream,
        mission=_MISSIONS[stream.partition("-")[0]],
        name=name,
        kind=kind,
        classification=classification,
        containment=containment,
    )
    for number, stream, name, kind, classification, containment in _ROWS
}
"""Every packet type that is understood, by GCN number."""

GBM_CLASSES: dict[int, str] = {
    0: "ERROR",
    1: "UNRELIABLE_LOCATION",
    2: "LOCAL_PARTICLES",
    3: "BELOW_HORIZON",
    4: "GRB",
    5: "SGR",
    6: "TRANSIENT",
    7: "DISTANT_PARTICLES",
    8: "SOLAR_FLARE",
    9: "CYG_X1",
    10: "SGR_1806_20",
    11: "GROJ_0422_32",
    19: "TGF",
}
"""Fermi GBM's `Most_Likely_Index` (Fermi GBM flight software, GCN Fermi page)."""
