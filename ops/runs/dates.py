"""Days and moments that people write, in the time zone of the DAG. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ops.errors import UserError

_FORMS = "write a day as 2026-11-20 or a moment as 2026-11-20T03:00 (the DAG's time zone) or 2026-11-20T03:00+09:00"


def zone(name: str | None) -> tzinfo:
    """Of the name that Airflow gives: a name of the zone database, or an offset such as +09:00."""
    if name and name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        hours, _, minutes = name[1:].partition(":")
        return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))
    try:
        return ZoneInfo(name or "UTC")
    except ZoneInfoNotFoundError:
        raise UserError(
            f"Airflow names the time zone {name!r}, which this machine does not know (pip: tzdata)"
        ) from None


def moment_words(text: str, tz: tzinfo) -> str:
    """An ISO moment as people of the time zone read it."""
    found = datetime.fromisoformat(text).astimezone(tz)
    return f"{found:%Y-%m-%d %H:%M} {found.tzname() or 'UTC'}"


def is_day(text: str) -> bool:
    """A day without a time, in any form that Python reads: 2026-11-20, 20261120, 2026-W47-5."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def at(text: str, tz: tzinfo, option: str) -> datetime:
    """The moment; of a day, its beginning."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a date; {_FORMS}") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=tz)


def after(text: str, tz: tzinfo, option: str) -> datetime:
    """The first moment that is later: of a day the beginning of the next one, of a moment the next microsecond."""
    found = at(text, tz, option)
    if not is_day(text):
        return found + timedelta(microseconds=1)
    return datetime.combine(found.date() + timedelta(days=1), time(), tz)


def days(first: str, last: str, tz: tzinfo) -> tuple[datetime, datetime]:
    """From the beginning of `first` to the end of `last`, both included. UserError for a reversed range."""
    start, end = at(first, tz, "--from"), after(last, tz, "--to") - timedelta(microseconds=1)
    if start > end:
        raise UserError(f"--from {first} is later than --to {last}: nothing lies between them; swap the two")
    return start, end
