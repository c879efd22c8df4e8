"""The crossfade: a look for each moment between an old look and a new one."""

from __future__ import annotations

from dataclasses import replace

from realtime.stylizer.look import Look

FADE_SECONDS = 0.3  # default duration of a fade


class Crossfade:
    """A smooth change from one look to the next.

    Args:
        look: the look to begin with.
        seconds: duration of a fade; 0 changes at once.
    """

    def __init__(self, look: Look, seconds: float = FADE_SECONDS) -> None:
        self.seconds = seconds
        # Old look, new look, start and duration of the fade: one tuple, so that other threads never see half a change.
        self._fade = (look, look, float("-inf"), seconds)

    @property
    def target(self) -> Look:
        """The look that the fade ends with."""
        return self._fade[1]

    def fade_to(self, look: Look, now: float, seconds: float | None = None) -> None:
        """Start to fade to `look` from the look of this moment.

        Args:
            look: the new target.
            now: the time in seconds, of any clock.
            seconds: duration, if not the usual one.
        """
        old = self.at(now)
        if old.previous is not None:  # two looks were being blended: continue from the more visible one
            old = old.previous if old.progress < 0.5 else replace(old, previous=None, progress=1.0)
        self._fade = (old, look, now, self.seconds if seconds is None else seconds)

    def at(self, now: float) -> Look:
        """Return the look of that moment. The fade starts and ends gently (smoothstep)."""
        old, new, start, seconds = self._fade
        time = min(1.0, max(0.0, (now - start) / seconds)) if seconds > 0 else 1.0
        if time == 1.0:
            return new
        progress = time * time * (3 - 2 * time)
        same_model = old.model is new.model
        weights = new.weights
        if same_model:
            weights = tuple(_between(a, b, progress) for a, b in zip(old.weights, new.weights, strict=True))
        between = replace(
            new,
            weights=weights,
            strength=_between(old.strength, new.strength, progress),
            keep_colors=_between(old.keep_colors, new.keep_colors, progress),
            smooth=_between(old.smooth, new.smooth, progress),
        )
        if same_model and old.stroke == new.stroke:
            return between
        weights = between.weights if same_model else old.weights
        previous = replace(between, model=old.model, weights=weights, stroke=old.stroke)
        return replace(between, previous=previous, progress=progress)


def _between(start: float, end: float, progress: float) -> float:
    return start + (end - start) * progress
