"""A port of loopback: whatever the sandbox serves stands behind one."""

from aiohttp import web

HOST = "127.0.0.1"
GIVE_UP_S = 1.0


class Listener:
    """An aiohttp application on a port of its own; port 0 takes a free one."""

    def __init__(self, app: web.Application, port: int = 0) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=GIVE_UP_S)
        self.port = port

    @property
    def address(self) -> str:
        """Where it listens, without scheme, and without a slash at the end."""
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen; OSError when the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything."""
        await self._runner.cleanup()
