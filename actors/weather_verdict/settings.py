"""The weather's limits as data: thresholds with hysteresis, delays, and how many must agree.

The delays are those of GOTO's G-TeCS conditions daemon (data/configspec.ini, read 2026): rain 0 s
bad / 300 s good, humidity 90/300, wind 90/600; wind has no bad delay here, since one healthy source
over a limit of rain or wind closes at once.
"""

from __future__ import annotations

import msgspec


class QuantityRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one quantity must be for the dome to be open."""

    quantity: str
    """Property of the stations; `dew_margin_deg_C` is temperature minus dew point."""

    code: str
    """Code of the reason, e.g. `WIND`."""

    unit: str = ""
    """Unit for people."""

    bad_when_true: bool = False
    """The quantity is a contact, and true is bad."""

    bad_above: float | None = None
    """Values above this are bad; exactly at it they are not."""

    good_below: float | None = None
    """Once bad, values up to this are good again; `bad_above` when not set."""

    bad_below: float | None = None
    """Values below this are bad; exactly at it they are not."""

    good_above: float | None = None
    """Once bad, values from this are good again; `bad_below` when not set."""

    critical_above: float | None = None
    """Values above this are bad without delay."""

    bad_delay_s: float = 0.0
    """Observatory seconds a trusted source must call it bad before it counts."""

    good_delay_s: float = 300.0
    """Observatory seconds all trusted sources must call it good before it counts again."""

    mandatory: bool = False
    """Without enough fresh values the weather is unknown, which is unsafe."""

    alone: bool = False
    """A single source's word is never excluded, however long the others contradict."""

    def __post_init__(self) -> None:
        """Refuse rules that judge nothing, or whose hysteresis is upside down.

        Raises:
            ValueError: With quantity, field, value and what it must be.
        """
        numeric = self.bad_above is not None or self.bad_below is not None
        if self.bad_when_true == numeric:
            raise ValueError(
                f"rule {self.quantity}: set either bad_when_true or bad_above / bad_below"
            )
        for high, low, name in (
            (self.bad_above, self.good_below, "good_below"),
            (self.good_above, self.bad_below, "bad_below"),
        ):
            if high is not None and low is not None and low > high:
                raise ValueError(f"rule {self.quantity}: {name} = {low} must not be above {high}")
        if min(self.bad_delay_s, self.good_delay_s) < 0:
            raise ValueError(f"rule {self.quantity}: delays must not be negative")


DEFAULT_RULES = (
    QuantityRule(
        quantity="rain",
        code="RAIN",
        bad_when_true=True,
        good_delay_s=300.0,
        mandatory=True,
        alone=True,
    ),
    QuantityRule(
        quantity="wind_m_s",
        code="WIND",
        unit="m/s",
        bad_above=15.0,
        good_below=12.0,
        good_delay_s=600.0,
        mandatory=True,
        alone=True,
    ),
    QuantityRule(
        quantity="gust_m_s",
        code="GUST",
        unit="m/s",
        bad_above=20.0,
        good_below=17.0,
        good_delay_s=600.0,
        alone=True,
    ),
    QuantityRule(
        quantity="humidity_pct",
        code="HUMIDITY",
        unit="%",
        bad_above=88.0,
        good_below=83.0,
        critical_above=97.0,
        bad_delay_s=90.0,
        good_delay_s=300.0,
        mandatory=True,
    ),
    QuantityRule(
        quantity="dew_margin_deg_C",
        code="DEW",
        unit="deg_C",
        bad_below=1.0,
        good_above=2.0,
        bad_delay_s=90.0,
        good_delay_s=300.0,
    ),
    QuantityRule(
        quantity="cloud_fraction",
        code="CLOUD",
        bad_above=0.95,
        good_below=0.85,
        bad_delay_s=300.0,
        good_delay_s=300.0,
    ),
    QuantityRule(
        quantity="temperature_deg_C",
        code="COLD",
        unit="deg_C",
        bad_below=-15.0,
        good_above=-13.0,
        bad_delay_s=600.0,
        good_delay_s=600.0,
    ),
)


class WeatherSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the weather verdict."""

    rules: tuple[QuantityRule, ...] = DEFAULT_RULES
    """One rule per quantity."""

    quorum: int | None = None
    """Fresh trusted sources a mandatory quantity needs; the majority of those that measure it when
    not set."""

    suspect_after_s: float = 600.0
    """Observatory seconds a lone dissenter against two or more is believed before it is suspect."""

    trust_again_s: float = 600.0
    """Observatory seconds a suspect must agree with the others before it is believed again."""

    report_age_s: float = 30.0
    """Observatory seconds without a report after which a station is lost."""

    reading_age_s: float = 25.0
    """Observatory seconds after which a reading is stale, whatever its report says."""

    slack_s: float = 2.0
    """Wall seconds of latency forgiven when ages are judged."""

    publish_period_s: float = 10.0
    """Observatory seconds between two verdicts that say the same."""

    def __post_init__(self) -> None:
        """Refuse quorums nobody can reach and quantities ruled twice.

        Raises:
            ValueError: With field, value and what it must be.
        """
        if self.quorum is not None and self.quorum < 1:
            raise ValueError(f"quorum = {self.quorum}: give at least 1")
        names = [rule.quantity for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules: {', '.join(twice)} is ruled twice; keep one")
        if not any(rule.mandatory for rule in self.rules):
            raise ValueError("rules: none is mandatory, so silence would pass for good weather")
