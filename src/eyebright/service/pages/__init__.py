"""The pages: one shell, and the routes that fill it. No logic; everything a page does goes through the API."""

from __future__ import annotations

from eyebright.service.pages._routes import mount_static, router

__all__ = ["mount_static", "router"]
