"""Tokens, devices and certificates, as their owner sees them."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from relaychat.auth.devices import device_key
from relaychat.auth.keyring import CERTIFICATES_LIMIT, TOKENS_LIMIT
from relaychat.model.accounts import (
    DeleteAccount,
    ListDevices,
    ListTokens,
    MakeToken,
    Revoke,
    SetCertificates,
)
from relaychat.model.errors import (
    BadName,
    BadSyntax,
    Forbidden,
    NoSuchCredential,
    TooMany,
)
from tests.auth.office import ANN, BOB, HERE, NOBODY, OfficeCase

SECRET = "0123456789abcdef0123456789abcdef"


class TokenTests(OfficeCase):
    """Tokens, as their owner sees them."""

    def test_list(self) -> None:
        """What was made is listed, without its secret, until it is over."""
        make = self.keyring.make_token
        day = self.do(make(MakeToken("day", "read", ("#Tea", "#a"), 86_400), ANN))
        ever = self.do(make(MakeToken("ever"), ANN))
        listed = self.do(self.keyring.list_tokens(ListTokens(), ANN)).tokens
        self.assertEqual([one.token for one in listed], [day.token, ever.token])
        self.assertEqual(listed[0].rooms, ("#a", "#tea"))
        self.assertEqual((listed[0].scope, listed[1].expires), ("read", 0))
        self.assertEqual(
            self.do(self.keyring.list_tokens(ListTokens(), BOB)).tokens, ()
        )
        self.house.world.advance(86_400)
        listed = self.do(self.keyring.list_tokens(ListTokens(), ANN)).tokens
        self.assertEqual([one.label for one in listed], ["ever"])

    def test_by_pages(self) -> None:
        """Tokens for very many rooms come by pages of a line's length; from the start
        where the last one is gone."""
        rooms = tuple(f"#{number:03}{'x' * 60}" for number in range(100))
        made = [
            self.do(self.keyring.make_token(MakeToken(str(n), rooms=rooms), ANN)).token
            for n in range(TOKENS_LIMIT)
        ]
        found: list[str] = []
        more = True
        while more:
            after = ListTokens(found[-1] if found else "")
            page = self.do(self.keyring.list_tokens(after, ANN))
            self.assertLessEqual(len(msgspec.json.encode(page)), 64 * 1024)
            self.assertGreater(len(page.tokens), 1)
            found += [one.token for one in page.tokens]
            more = page.more
        self.assertEqual(found, made)
        gone = self.do(self.keyring.list_tokens(ListTokens("00000000"), ANN))
        self.assertEqual(gone.tokens[0].token, made[0])

    def test_bounded(self) -> None:
        """So many at a time; what is over takes no place."""
        for number in range(TOKENS_LIMIT):
            seconds = 60 if number else None
            self.do(self.keyring.make_token(MakeToken(expires_s=seconds), ANN))
        self.refused(TooMany, self.keyring.make_token(MakeToken(), ANN))
        self.house.world.advance(60)
        self.do(self.keyring.make_token(MakeToken(), ANN))
        self.assertEqual(len(self.account("ann").tokens), 2)

    def test_rooms(self) -> None:
        """What is no room's name is refused."""
        command = MakeToken(rooms=("@bob",))
        self.refused(BadName, self.keyring.make_token(command, ANN))

    def test_not_by_a_token(self) -> None:
        """A token makes no tokens: it would outlive itself."""
        bot = replace(ANN, token="abcd")
        self.refused(Forbidden, self.keyring.make_token(MakeToken(), bot))
        self.refused(Forbidden, self.keyring.set_certificates(SetCertificates(), bot))
        self.refused(Forbidden, self.registry.delete(DeleteAccount(), bot))

    def test_guests(self) -> None:
        """Without an account there is nothing to look after."""
        for command, method in (
            (MakeToken(), self.keyring.make_token),
            (ListTokens(), self.keyring.list_tokens),
            (ListDevices(), self.keyring.list_devices),
            (Revoke(token="0" * 8), self.keyring.revoke),
            (DeleteAccount(), self.registry.delete),
        ):
            self.refused(Forbidden, method(command, NOBODY))  # type: ignore[arg-type]

    def test_revoke(self) -> None:
        """The sessions of that token end, and no other."""
        made = self.do(self.keyring.make_token(MakeToken(), ANN))
        (token,) = self.account("ann").tokens
        revoke = Revoke(token=made.token)
        self.refused(NoSuchCredential, self.keyring.revoke(revoke, BOB))
        self.do(self.keyring.revoke(revoke, ANN))
        self.assertEqual(self.told(), [("Ann", "revoked", None, token.digest, None)])
        self.refused(NoSuchCredential, self.keyring.revoke(revoke, ANN))

    def test_revoke_what(self) -> None:
        """Exactly one thing."""
        for revoke in (Revoke(), Revoke(token="0" * 8, device="0" * 8)):
            self.refused(BadSyntax, self.keyring.revoke(revoke, ANN))
        self.refused(Forbidden, self.keyring.revoke(Revoke(ticket="0" * 8), ANN))


class DeviceTests(OfficeCase):
    """Devices, as their owner sees them."""

    def test_list_and_revoke(self) -> None:
        """Each is listed from its first login on; a revoked one stays listed."""
        for secret in (SECRET, SECRET[::-1]):
            self.successResultOf(self.house.come("ann", "tea", device=secret))
            self.house.world.advance(3601)
        ann = replace(ANN, device=device_key(SECRET))
        old, new = self.do(self.keyring.list_devices(ListDevices(), ann)).devices
        self.assertEqual((old.this, new.this), (True, False))
        self.assertLess(old.seen, new.seen)
        self.do(self.keyring.revoke(Revoke(device=new.device), ann))
        digest = device_key(SECRET[::-1])
        self.assertEqual(self.told(), [("Ann", "revoked", digest, None, None)])
        old, new = self.do(self.keyring.list_devices(ListDevices(), ann)).devices
        self.assertEqual((old.revoked, new.revoked), (False, True))

    def test_what_a_program_calls_itself(self) -> None:
        """The list shows it on one line, and nothing in it that a terminal obeys."""
        client = "chat on \x1b[2Jthink\u202epad\n "
        coming = self.house.come("ann", "tea", device=SECRET, client=client)
        self.successResultOf(coming)
        ann = replace(ANN, device=device_key(SECRET))
        (device,) = self.do(self.keyring.list_devices(ListDevices(), ann)).devices
        self.assertEqual(device.client, "chat on [2Jthinkpad")


class CertificateTests(OfficeCase):
    """Certificates, as their owner sees them."""

    def test_bounded(self) -> None:
        """So many; adding one twice changes nothing."""
        set_ = self.keyring.set_certificates
        for number in range(CERTIFICATES_LIMIT):
            self.do(set_(SetCertificates(add=f"{number:064x}"), ANN))
        self.do(set_(SetCertificates(add=f"{3:064x}"), ANN))
        self.refused(TooMany, set_(SetCertificates(add="f" * 64), ANN))
        self.refused(NoSuchCredential, set_(SetCertificates(remove="f" * 64), ANN))
        mine = replace(ANN, origin=replace(HERE, certificate="AB" * 32))
        listed = self.do(set_(SetCertificates(), mine))
        self.assertEqual(len(listed.fingerprints), CERTIFICATES_LIMIT)
        self.assertEqual(listed.this, "ab" * 32)
