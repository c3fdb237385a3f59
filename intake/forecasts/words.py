"""The numbers in words, as short as honesty allows: how many of ten, in what time, from how many cases of where. Pure."""

from dataclasses import dataclass

from kernel.i18n import translate
from routing.forecasts import Forecast, in_whole_units

_LEVELS = {
    "service_area": "{n} casos en {area}",
    "service": "{n} casos en toda la ciudad",
    "group": "{n} casos del mismo tema",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast and the name of the area it is of, "" for the whole city."""

    forecast: Forecast
    area: str = ""

    @property
    def is_known(self) -> bool:
        return self.forecast.p80 is not None

    def sentence(self, language: str) -> str:
        """`8 de cada 10 terminan en 6 días (214 casos en Norte).`, or why nothing is said."""
        if self.forecast.p80 is None:
            return self._why_not(language)
        return translate(
            language,
            "8 de cada 10 terminan en {span} ({cases}).",
            span=span_in_words(self.forecast.p80, language),
            cases=self.cases(language),
        )

    def short(self, language: str) -> str:
        """For a text message; "" when there is nothing to say."""
        if self.forecast.p80 is None:
            return ""
        return translate(language, "8 de cada 10 terminan en {span}.", span=span_in_words(self.forecast.p80, language))

    def cases(self, language: str) -> str:
        """How many, and of where: the level."""
        return translate(language, _LEVELS[self.forecast.level], n=f"{self.forecast.sample:,}", area=self.area)

    def spread(self, language: str) -> list[tuple[str, str]]:
        """Each share that is known with its time, for staff."""
        known = (("50 %", self.forecast.p50), ("80 %", self.forecast.p80), ("90 %", self.forecast.p90))
        return [(share, span_in_words(seconds, language)) for share, seconds in known if seconds is not None]

    def window(self, language: str) -> str:
        """Of which time the cases are."""
        weeks = max(1, round(self.forecast.window_days / 7))
        return translate(language, "Casos de las últimas {n} semanas; lo reciente pesa más.", n=weeks)

    def _why_not(self, language: str) -> str:
        if self.forecast.reason == "slow":
            return translate(language, "Todavía no decimos cuánto tarda: menos de 8 de cada 10 han terminado.")
        return translate(
            language, "Todavía no decimos cuánto tarda: hay muy pocos casos ({n}).", n=self.forecast.sample
        )


def span_in_words(seconds: float, language: str) -> str:
    """`6 días`, `10 horas`: whole units, rounded up."""
    count, unit = in_whole_units(seconds)
    if unit == "hours":
        return translate(language, "1 hora") if count == 1 else translate(language, "{n} horas", n=count)
    return translate(language, "{n} días", n=f"{count:,}")
