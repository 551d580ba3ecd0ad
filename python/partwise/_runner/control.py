"""What the worker wants of the running unit."""


class UnitControl:
    """Drains and aborts of one unit, from its arrival on. Set by the thread that reads messages."""

    def __init__(self):
        self.is_draining = False
        self.is_cancelled = False
        #: The running call, if any.
        self.call = None

    def drain(self):
        """Stops after the running partition."""
        self.is_draining = True

    def abort(self, message):
        """Returns whether the function must be interrupted."""
        call = self.call
        if message["reason"] == "cancelled":
            self.is_cancelled = True
            if call is None:
                return False
        elif call is None or call.partition.ordinal != message["ordinal"]:
            # Meanwhile another partition is running.
            return False
        else:
            call.timeout_ms = message["timeoutMs"]
        call.abort()
        return True
