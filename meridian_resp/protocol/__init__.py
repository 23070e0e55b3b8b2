"""RESP2 and RESP3 on the wire: bytes to argument lists, reply values to bytes. No sockets."""
