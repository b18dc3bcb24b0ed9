"""How Faust's readers are let in by brokers that ask who comes."""

import ssl

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from topologies.engines.faust_login import FaustLogin


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_a_user_is_shown_within_tls(mechanism: str) -> None:
    tls = ssl.create_default_context()
    login = FaustLogin(tls=tls, user="ann", password="secret", mechanism=mechanism)
    assert credentials_to_aiokafka_auth(login.credentials()) == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "ann",
        "sasl_plain_password": "secret",
        "ssl_context": tls,
    }


def test_without_a_user_the_certificate_says_who_we_are() -> None:
    tls = ssl.create_default_context()
    assert credentials_to_aiokafka_auth(FaustLogin(tls=tls).credentials()) == {
        "security_protocol": "SSL",
        "ssl_context": tls,
    }


def test_no_password_is_in_what_is_printed_of_it() -> None:
    login = FaustLogin(tls=ssl.create_default_context(), user="ann", password="hidden")
    assert "hidden" not in repr(login) + repr(login.credentials())
