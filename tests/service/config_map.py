"""A file as a kubelet mounts it from a ConfigMap: behind a link to a link, and that link is what is swapped."""

from pathlib import Path


class ConfigMap:
    """The file of suppressions in a folder of its own."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "suppressions.yaml"
        self._folder = folder
        self._version = 0
        folder.mkdir()
        self.update(text)
        self.path.symlink_to(Path("..data") / self.path.name)

    def update(self, text: str) -> None:
        """Put another content in its place, at once."""
        self._version += 1
        version = self._folder / f"..{self._version}"
        version.mkdir()
        (version / self.path.name).write_text(text)
        fresh = self._folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.replace(self._folder / "..data")
