"""docs/security.md says what is."""

from tests.security import page


def test_the_generated_parts_are_up_to_date() -> None:
    assert page.renewed(page.PAGE.read_text()) == page.PAGE.read_text(), "run: make security-docs"


def test_no_right_is_without_use_or_reason() -> None:
    assert "NO REASON GIVEN" not in page.granted_and_used()
