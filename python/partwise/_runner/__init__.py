"""The runner: a process that calls partition functions for a worker (docs/runner-protocol.md)."""
