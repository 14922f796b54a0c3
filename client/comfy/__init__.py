"""ComfyUI's wire: the protocol without sockets, and the HTTP and WebSocket shells around it."""
