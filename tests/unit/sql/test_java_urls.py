"""Addresses of databases as Java services write them: one server, or a refusal that says what to write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.sql.core.database_kind import DatabaseAddressError, DatabaseSource
from wework_message.adapters.sql.database_kinds import read_java_url
from wework_message.adapters.sql.mysql.kind import MysqlKind

USUAL = "useUnicode=true&characterEncoding=utf8&serverTimezone=GMT%2B8&allowPublicKeyRetrieval=true"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"jdbc:mysql://h:23306/d?{USUAL}", ("h", 23306, "d", "own", "secret")),
        ("jdbc:mysql://u:p%40@h/d", ("h", 3306, "d", "u", "p@")),
        ("jdbc:mysql://u:p@[::1]:3307/d?x=y", ("::1", 3307, "d", "u", "p")),
        ("jdbc:mariadb://h/d?user=u&password=p%26%2Fq", ("h", 3306, "d", "u", "p&/q")),
        ("jdbc:mysql://u@h/d?password=p", ("h", 3306, "d", "u", "p")),
        ("jdbc:mysql://u:p@h/d?user=x&password=y", ("h", 3306, "d", "u", "p")),
        ("jdbc:mysql://h/d?user=u", ("h", 3306, "d", "u", "secret")),
        ("jdbc:mysql://h/d?password=p&username=u", ("h", 3306, "d", "u", "p")),
        ("jdbc:mysql://h/d?autoReconnect=true&amp;user=u&amp;password=p", ("h", 3306, "d", "u", "p")),
        ("jdbc:mysql://address=(host=h)(port=3307)/d", ("h", 3307, "d", "own", "secret")),
        (
            "jdbc:mysql://address=(protocol=tcp)(host=h)(port=3307)(user=u)(password=p)/d",
            ("h", 3307, "d", "u", "p"),
        ),
        ("jdbc:mariadb://address=(host=::1)(port=1)(type=primary)/d", ("::1", 1, "d", "own", "secret")),
        ("jdbc:mysql://(host=h,port=3307)/d", ("h", 3307, "d", "own", "secret")),
        ("jdbc:mysql:replication://h/d", ("h", 3306, "d", "own", "secret")),
        ("jdbc:mariadb:sequential://h:1/d", ("h", 1, "d", "own", "secret")),
        ("mysql://h/d?user=u&password=p", ("h", 3306, "d", "u", "p")),
    ],
)
def test_one_server_is_understood_however_it_is_written(url: str, expected: tuple[object, ...]) -> None:
    address = read_java_url(url)
    assert address is not None
    target = MysqlKind().target(DatabaseSource(address.url, "own", "secret"))
    assert (target.host, target.port, target.database, target.username, target.password) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("jdbc:mysql://a:1,b:2/d", "several servers"),
        ("jdbc:mysql:replication://a,b/d", "several servers"),
        ("jdbc:mariadb:sequential://a,b/d", "several servers"),
        ("jdbc:mysql://address=(host=a)(port=1),address=(host=b)(port=1)/d", "several servers"),
        ("jdbc:mysql://(host=a,port=1),(host=b,port=1)/d", "several servers"),
        ("jdbc:mysql://[a:1,b:2]/d", "several servers"),
        ("jdbc:mysql://address=(host=a)(host=b)/d", "one (host=...)"),
        ("jdbc:mysql://address=(port=3306)/d", "one (host=...)"),
        ("jdbc:mysql://address=(protocol=pipe)(path=x)(host=h)/d", "pipe"),
        ("jdbc:mysql:aws://h/d", "jdbc:mysql:aws"),
        ("jdbc:mysql+srv://h/d", "jdbc:mysql+srv"),
        ("jdbc:p6spy:mysql://h/d", "jdbc:p6spy is a driver around"),
        ("jdbc:aws-wrapper:mysql://h/d", "write jdbc:mysql://"),
        ("jdbc:otel:mariadb://h/d", "write jdbc:mariadb://"),
        ("jdbc:h2:mem:test", "kind jdbc:h2"),
        ("jdbc:postgresql://h/d", "kind jdbc:postgresql"),
        ("jdbc:sqlserver://h:1433;databaseName=d", "kind jdbc:sqlserver"),
        ("jdbc:mysql://h/d?socketFactory=com.google.cloud.sql.mysql.SocketFactory", "socketFactory"),
        ("jdbc:mysql://h/d?dnsSrv=true", "dnsSrv"),
        ("jdbc:mysql://h/d?socksProxyHost=p", "socksProxyHost"),
        ("jdbc:mariadb://h/d?localSocket=/run/x", "localSocket"),
        ("jdbc:mysql://h/d?sslMode=REQUIERD", "sslMode that does not exist"),
        ("jdbc:mysql://h/d?useSSL=maybe", "useSSL, which must be true or false"),
        ("mysql://h/d?sslMode=hunter2", "sslMode that does not exist"),
    ],
)
def test_what_may_mean_another_server_is_refused_by_name(url: str, said: str) -> None:
    with pytest.raises(DatabaseAddressError) as caught:
        read_java_url(url)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "demands"),
    [
        ("sslMode=REQUIRED", True),
        ("sslmode=verify-ca", True),
        ("useSSL=true", True),
        ("useSsl=1", True),
        ("requireSSL", True),
        ("use%53SL=TRUE", True),
        ("trustCertificateKeyStoreUrl=file:x", True),
        ("serverSslCert=/x.pem", True),
        ("sslMode=DISABLED&trustCertificateKeyStoreUrl=file:x", False),
        ("useSSL=false&trustCertificateKeyStoreUrl=file:x", False),
        ("sslMode=PREFERRED", False),
        ("useSSL=false", False),
        ("dnsSrv=false", False),
    ],
)
@pytest.mark.parametrize("scheme", ["jdbc:mysql", "jdbc:mariadb", "mysql"])
def test_encryption_that_is_asked_for_is_seen(scheme: str, options: str, demands: bool) -> None:
    address = read_java_url(f"{scheme}://h/d?{options}")
    assert address is not None
    assert address.demands_tls is demands


def test_options_without_effect_are_named_and_those_with_one_are_not() -> None:
    address = read_java_url("jdbc:mysql://h/d?sslMode=REQUIRED&user=u&useUnicode=true&connectTimeout=1")
    assert address is not None
    assert address.ignored == ("useUnicode", "connectTimeout")
    assert "u@" not in repr(address)


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "sqlite:///x.db", "mysql://h", "", "jdbc", "jdbc:"])
def test_an_address_of_ours_is_left_alone(url: str) -> None:
    assert read_java_url(url) is None


@given(st.text(max_size=60), st.sampled_from(["jdbc:", "jdbc:mysql://", "jdbc:mysql://address=(", "mysql://h/d?"]))
def test_any_text_is_read_or_refused_without_being_quoted(text: str, begin: str) -> None:
    secret = "x7Q9secretZ3"
    said = ""
    try:
        read_java_url(f"{begin}{text}?password={secret}")
    except DatabaseAddressError as error:
        said = str(error)
    assert secret not in said
