"""The [notifications] table of an environment: who is told of a task's final failure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from platform_spec.loading import Spec

ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"  # of e-mail, as far as a pattern can tell


class NotificationSettings(Spec):
    """`sns`: the topic of the alarms. `slack`: a webhook, whose URL lies in Secrets Manager (Names.slack_secret)."""

    failures: Literal["sns", "slack", "none"] = Field(default="sns", description="where a task's final failure is told")
