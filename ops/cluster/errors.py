"""What can go wrong with the local cluster; each message is one line for whoever runs it."""


class ClusterError(Exception):
    """The cluster cannot do what was asked. The message says why, and what to do."""


class ToolMissing(ClusterError):
    """A program that has to be installed first is not on this machine."""


class DigestMismatch(ClusterError):
    """A download is not the file that this version of Reelay was made with."""


class PortInUse(ClusterError):
    """Another program listens where a server of the cluster should."""


class ServerFailed(ClusterError):
    """A server ended by itself, or did not answer in time."""
