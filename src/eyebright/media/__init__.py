"""Where pictures come from and go to: image files, folders, video, cameras, RTSP, and sinks."""
