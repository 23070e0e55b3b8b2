"""What nodes say to each other as bytes: messages, frames, the handshake, sealed datagrams."""
