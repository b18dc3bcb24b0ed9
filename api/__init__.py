"""The ways in for people and programs: HTTP, WebSocket, command line, webmail."""
