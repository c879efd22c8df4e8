"""The status message and how long it stays."""

from __future__ import annotations

from realtime.system.clock import FakeClock
from realtime.ui.messages import MIN_SECONDS, Messages


def test_message_disappears_after_its_reading_time() -> None:
    clock = FakeClock()
    messages = Messages(clock.now)
    messages.show("strength 90%")
    clock.advance(MIN_SECONDS - 0.1)
    assert messages.visible == "strength 90%"
    clock.advance(0.2)
    assert messages.visible == "" and messages.text == "strength 90%"
    messages.show("x" * 200)
    clock.advance(9)
    assert messages.visible, "a long message stays longer"


def test_news_is_shown_one_after_the_other() -> None:
    clock = FakeClock()
    messages = Messages(clock.now)
    messages.queue("saved a film")
    messages.queue("the camera does not open")
    messages.update()
    messages.update()
    assert messages.visible == "saved a film"
    clock.advance(MIN_SECONDS + 0.1)
    messages.update()
    assert messages.visible == "the camera does not open" and messages.count == 2


def test_command_message_replaces_news_at_once() -> None:
    messages = Messages(FakeClock().now)
    messages.queue("saved a film")
    messages.update()
    messages.show("frozen")
    messages.update()
    assert messages.visible == "frozen" and messages.count == 2
