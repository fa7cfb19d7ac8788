"""A narrator that remembers."""


class Remembered:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def event(self, kind: str, step: str = "", message: str = "", **facts: str | int | float) -> None:
        self.events.append((kind, step, message))

    def said(self, text: str) -> bool:
        return any(text in message for _, _, message in self.events)
