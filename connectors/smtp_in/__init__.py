"""Mail enters: SMTP (RFC 5321) and LMTP (RFC 2033) servers on aiosmtpd."""
