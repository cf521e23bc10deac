"""Stands in for the bindings of kms++: picamera2 names its pixel formats when it is imported, and shows nothing here."""


class PixelFormat:
    BGR888 = NV12 = NV21 = RGB888 = UYVY = XBGR8888 = XRGB8888 = YUV420 = YUYV = YVU420 = None
