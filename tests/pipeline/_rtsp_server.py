"""A real RTSP server with a moving test picture, on loopback; the system's Python has the GObject bindings it needs.

Usage: python3 _rtsp_server.py PORT    (0 picks a free one; prints the port when it listens)
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  (the version must be asked for first)

LAUNCH = (
    "( videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 "
    "! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(LAUNCH)
factory.set_shared(True)
server.get_mount_points().add_factory("/test", factory)
if not server.attach(None):
    sys.exit("cannot listen")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
