"""Where settings come from is as Spring Boot 3.2 documents it; the sections are named in the code."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.support.nacos.starts import a_read, documents

from wework_message.bootstrap.settings import Loaded, OriginKind, SettingsError, is_embedded, load
from wework_message.bootstrap.settings.errors import SettingsFileError, UnknownSettingError

KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file into the working directory."""
    monkeypatch.chdir(tmp_path)

    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return put


def port(environ: dict[str, str] | None = None, arguments: Sequence[str] = ()) -> int:
    return load(environ or {}, command_line=arguments).settings.server.port


def refusal(environ: dict[str, str] | None = None, arguments: Sequence[str] = ()) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environ or {}, command_line=arguments)
    return str(caught.value)


# -- ranks ---------------------------------------------------------------------------------------------------------


def test_the_sources_have_springs_ranks(write: Write) -> None:
    write("application.yml", "server.port: 1")
    environ: dict[str, str] = {}
    expected = [(1, "file application.yml")]
    steps = {
        "SERVER_PORT": ("2", "environment variable SERVER_PORT"),
        "JAVA_TOOL_OPTIONS": ("-Xmx1g -Dserver.port=3", "option of the JVM in JAVA_TOOL_OPTIONS"),
        "JAVA_OPTS": ("-Dserver.port=4 '-Dlogging.file.name=/a b.log'", "option of the JVM in JAVA_OPTS"),
        "SPRING_APPLICATION_JSON": ('{"server": {"port": 5}}', "JSON of SPRING_APPLICATION_JSON"),
    }
    assert port(environ) == 1
    for number, (variable, (text, origin)) in enumerate(steps.items(), start=2):
        environ[variable] = text
        expected.append((number, origin))
        result = load(environ)
        assert (result.settings.server.port, str(result.origins["server.port"])) == expected[-1]
    result = load(environ, command_line=["server.port=6", "server.port=7"])
    assert (result.settings.server.port, str(result.origins["server.port"])) == (7, "command line")
    assert result.settings.logging.file.name == "/a b.log"


@pytest.mark.parametrize("holder", ["variable", "JVM", "argument"])
def test_json_may_be_in_every_stronger_source(write: Write, holder: str) -> None:
    write("application.yml", "")
    text = '{"app": {"message": {"sync": {"waitMs": 5}}}, "logging.level": null, "datasource": {"autoMigrate": false}}'
    environ = {
        "variable": {"SPRING_APPLICATION_JSON": text},
        "JVM": {"JAVA_OPTS": f"-Dspring.application.json='{text}'"},
    }
    arguments = [f"spring.application.json={text}"] if holder == "argument" else []
    settings = load(environ.get(holder, {}), command_line=arguments).settings
    assert (settings.app.message.sync.wait_ms, settings.datasource.auto_migrate) == (5, False)
    assert settings.logging.level == "INFO"


@pytest.mark.parametrize("text", ["{", "[1]", '"hunter2"', "{'a': hunter2}"])
def test_what_is_no_json_object_is_refused_without_a_quotation(write: Write, text: str) -> None:
    write("application.yml", "")
    says = refusal({"SPRING_APPLICATION_JSON": text})
    assert says.startswith("spring.application.json (environment variable SPRING_APPLICATION_JSON): ")
    assert "hunter2" not in says


def test_a_mistake_in_an_argument_json_or_option_of_the_jvm_stops_with_its_name(write: Write) -> None:
    write("application.yml", "")
    for environ, arguments in [
        ({}, ["app.message.retry.max-attempt=1"]),
        ({"SPRING_APPLICATION_JSON": '{"app": {"message": {"retry": {"max-attempt": 1}}}}'}, []),
        ({"JAVA_OPTS": "-Dapp.message.retry.max-attempt=1"}, []),
    ]:
        with pytest.raises(UnknownSettingError, match=r"max-attempt.*did you mean app\.message\.retry\.max-attempts"):
            load(environ, command_line=arguments)


def test_options_of_the_jvm_that_are_of_others_set_nothing(write: Write) -> None:
    write("application.yml", "")
    options = (
        "-Xms1g -Dfile.encoding=UTF-8 -Dapp.id=x -Dsecurity.x=y -javaagent:/a.jar -D=x -Drocketmq.client.logRoot=/x 'x"
    )
    result = load({"JAVA_OPTS": options})
    assert [text for text in result.warnings if "simulator" not in text] == [
        "-Drocketmq.client.logRoot has no meaning here (JAVA_OPTS)"
    ]
    assert result.settings == load({}).settings


def test_a_section_of_spring_in_an_option_of_the_jvm_is_named(write: Write) -> None:
    write("application.yml", "")
    result = load({"JAVA_OPTS": "-Dspring.rabbitmq.ssl=q -Duser.timezone=Asia/Shanghai"})
    assert {item.key: item.origin for item in result.ignored} == dict.fromkeys(
        ("spring.rabbitmq.ssl", "user.timezone"), "option of the JVM in JAVA_OPTS"
    )
    with pytest.raises(SettingsError, match=r"rocketmq\.namesrv\.addr: is not read: move it to rocketmq\.name-server"):
        load({"JAVA_OPTS": "-Drocketmq.namesrv.addr=a:9876"})
    (ignored,) = [text for text in load({"JAVA_OPTS": "-Dspring.jmx.enabled=true"}).warnings if "ignored" in text]
    assert ignored.endswith(": spring.jmx")
    assert "this service knows RocketMQ alone" in refusal({"JAVA_OPTS": "-Dspring.rabbitmq.host=q"})


# -- places --------------------------------------------------------------------------------------------------------


def test_the_usual_places_are_springs_and_all_of_them_count(write: Write) -> None:
    write("application.yml", "server: {port: 1, host: a}\nlogging.level: DEBUG")
    write("config/application.yml", "server: {port: 2}\nlogging.level: ERROR")
    write("config/b/application.yml", "server: {port: 4}")
    write("config/a/application.yml", "server: {port: 3}")
    write("config/..data/application.yml", "server: {port: 9}")
    result = load({})
    assert (result.settings.server.port, result.settings.server.host, result.settings.logging.level) == (
        4,
        "a",
        "ERROR",
    )
    assert result.files == (
        "application.yml", "config/application.yml", "config/a/application.yml", "config/b/application.yml",
    )  # fmt: skip


def test_a_profile_is_stronger_than_any_place(write: Write) -> None:
    write("application-dev.yml", "server: {port: 1}\nlogging.level: DEBUG")
    write("config/application.yml", "server: {port: 2}")
    write("config/application-dev.properties", "logging.level=ERROR")
    result = load({"SPRING_PROFILES_ACTIVE": "dev"})
    assert (result.settings.server.port, result.settings.logging.level) == (1, "ERROR")
    assert result.origins["server.port"].kind is OriginKind.PROFILE_FILE


def test_properties_are_stronger_than_yaml_in_one_folder(write: Write) -> None:
    write("application.properties", "server.port = 1\nserver.contextPath=/\\u006d")
    write("application.yml", "server: {port: 2, host: a}")
    assert port() == 1
    write("config/application.yml", "server: {port: 3}")
    assert port() == 3


def test_blanks_behind_a_number_do_not_count_and_behind_a_password_they_do(write: Write) -> None:
    write("application.properties", "server.port=1 \ndatasource.password=a ")
    result = load({})
    assert result.settings.datasource.password is not None
    assert (result.settings.server.port, result.settings.datasource.password.reveal()) == (1, "a ")


def test_properties_in_latin_1_are_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / "application.properties").write_bytes(b"datasource.username=Ren\xe9")
    assert load({}).settings.datasource.username == "René"


def test_locations_replace_the_usual_places(write: Write) -> None:
    write("application.yml", "server: {port: 1, host: a}")
    write("one/application.yml", "server: {port: 2}")
    write("two/mine.yml", "server: {port: 3}")
    write("two/mine-dev.yml", "server: {port: 4}")
    assert port({"SPRING_CONFIG_LOCATION": "file:./one/"}) == 2
    assert load({"SPRING_CONFIG_LOCATION": "one/"}).settings.server.host is None
    assert port({"SPRING_CONFIG_LOCATION": "one/,file:two/mine.yml"}) == 3
    assert port({"SPRING_CONFIG_LOCATION": "one/,two/mine.yml", "SPRING_PROFILES_ACTIVE": "dev"}) == 4
    assert port(arguments=["spring.config.location=one/"]) == 2
    assert port({"JAVA_OPTS": "-Dspring.config.location=one/"}) == 2


def test_places_of_one_level_have_their_profiles_on_one_level(write: Write) -> None:
    write("one/application-b.yml", "server: {port: 1}")
    write("two/application-a.yml", "server: {port: 2}")
    profiles = {"SPRING_PROFILES_ACTIVE": "a,b", "DATASOURCE_URL": "sqlite:///x.db"}
    assert port({"SPRING_CONFIG_LOCATION": "one/;two/"} | profiles) == 1
    assert port({"SPRING_CONFIG_LOCATION": "one/,two/"} | profiles) == 2


def test_additional_locations_are_stronger_than_the_usual_ones(write: Write) -> None:
    write("application-dev.yml", "server: {port: 1}")
    write("more/application.yml", "server: {port: 2}")
    assert port({"SPRING_CONFIG_ADDITIONAL_LOCATION": "more/", "SPRING_PROFILES_ACTIVE": "dev"}) == 2


def test_another_name_is_looked_for(write: Write) -> None:
    write("application.yml", "server: {port: 1}")
    write("mine.properties", "server.port=2")
    assert port({"SPRING_CONFIG_NAME": "mine"}) == 2
    assert port({"SPRING_CONFIG_NAME": "mine,application"}) == 1


def test_a_pattern_stands_for_the_folders_in_it(write: Write) -> None:
    write("etc/b/application.yml", "server: {port: 2}")
    write("etc/a/application.yml", "server: {port: 1, host: a}")
    write("etc/a/mine.yml", "server: {port: 3}")
    assert port({"SPRING_CONFIG_LOCATION": "file:etc/*/"}) == 2
    assert port({"SPRING_CONFIG_LOCATION": "etc/*/mine.yml"}) == 3
    assert "one *" in refusal({"SPRING_CONFIG_LOCATION": "etc/*/x/*/"})


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (
            "nowhere/",
            r"spring.config.location (environment variable SPRING_CONFIG_LOCATION): nowhere/ does not exist; with optional:",
        ),
        ("nowhere.yml", "nowhere.yml does not exist"),
        ("config", "a folder ends with /"),
        ("classpath:/default.yml", "classpath:/default.yml cannot be read here; write file:"),
        ("https://config.example/a.yml", "cannot be read here"),
    ],
)
def test_a_place_that_cannot_be_read_stops_the_start(write: Write, location: str, says: str) -> None:
    write("config/application.yml", "server: {port: 1}")
    assert says in refusal({"SPRING_CONFIG_LOCATION": location})


def test_places_that_are_optional_or_of_a_jar_may_be_missing(write: Write) -> None:
    write("config/application.yml", "server: {port: 1}")
    result = load({"SPRING_CONFIG_LOCATION": "classpath:/,optional:nowhere/,config/,optional:x.yml"})
    assert result.settings.server.port == 1
    assert any(text.startswith("classpath:/ has no meaning here: there is no jar") for text in result.warnings)
    assert port({"SPRING_CONFIG_LOCATION": "nowhere/,config/", "SPRING_CONFIG_ON_NOT_FOUND": "ignore"}) == 1


def test_what_says_where_files_are_has_no_effect_in_them(write: Write) -> None:
    write("application.yml", "spring: {config: {location: x/, name: y}}")
    notes = [text for text in load({}).warnings if "has no effect in a file" in text]
    assert [text.partition(" ")[0] for text in notes] == ["spring.config.location", "spring.config.name"]


@pytest.mark.parametrize("name", ["bootstrap.yml", "config/bootstrap.yaml", "bootstrap.properties", "application.xml"])
def test_files_of_spring_that_are_not_read_are_refused_by_name(write: Write, name: str) -> None:
    write(name, "")
    assert refusal().startswith(f"{name}: is not read")


def test_a_named_file_is_yaml_whatever_its_ending_and_has_files_of_profiles(write: Write, tmp_path: Path) -> None:
    write("etc/mine;1.conf", "server.port: 1")
    write("etc/application-dev.yml", "server.port: 2\nlogging.level: ERROR")
    write("etc/mine;1-dev.yml", "server.port: 3")
    file = tmp_path / "etc/mine;1.conf"
    assert load({}, config_file=file).settings.server.port == 1
    settings = load({"SPRING_PROFILES_ACTIVE": "dev"}, config_file=file).settings
    assert (settings.server.port, settings.logging.level) == (3, "ERROR")


# -- documents -----------------------------------------------------------------------------------------------------


def test_later_documents_are_stronger_and_conditions_count(write: Write) -> None:
    write(
        "application.yml",
        "server: {port: 1, host: a}\n---\nspring.config.activate.on-profile: dev & !eu\nserver: {port: 2}\n---\nserver.host: b",
    )
    assert (port(), load({}).settings.server.host) == (1, "b")
    assert port({"SPRING_PROFILES_ACTIVE": "dev"}) == 2
    assert port({"SPRING_PROFILES_ACTIVE": "dev,eu", "DATASOURCE_URL": "sqlite:///x.db"}) == 1


def test_properties_have_documents_too(write: Write) -> None:
    write("application.properties", "server.port=1\n#---\nspring.config.activate.on-profile=dev\nserver.port=2\n")
    assert (port(), port({"SPRING_PROFILES_ACTIVE": "dev"})) == (1, 2)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("server.port=1\n! x\n#---\nserver.port=2", 2),
        ("server.port=1\n# x\n#---\nspring.config.activate.on-profile=no\nserver.port=2", 8082),
        ("server.port=1\n#---\n# x\nspring.config.activate.on-profile=no\nserver.port=2", 8082),
        ("server.port=1\n #---\nspring.config.activate.on-profile=no\nserver.port=2", 8082),
        ("server.port=1\n#----\nspring.config.activate.on-profile=no\nserver.port=2", 8082),
        ("server.port=1\n!---  \nspring.config.activate.on-profile=no\nserver.port=2", 1),
    ],
)
def test_only_springs_own_separator_parts_properties(write: Write, text: str, ports: int) -> None:
    write("application.properties", text)
    assert port() == ports


def test_a_document_may_be_for_kubernetes(write: Write) -> None:
    write(
        "application.yml", "server.port: 1\n---\nspring.config.activate.on-cloud-platform: kubernetes\nserver.port: 2"
    )
    assert (port(), port(KUBERNETES)) == (1, 2)
    write("application.yml", "spring.config.activate.on-cloud-platform: HEROKU\nserver.port: 2")
    assert port(KUBERNETES) == 8082
    write("application.yml", "spring.config.activate.on-cloud-platform: moon")
    assert "must be kubernetes" in refusal()


@pytest.mark.parametrize("key", ["active", "include", "default", "group.x"])
def test_what_names_profiles_cannot_depend_on_one(write: Write, key: str) -> None:
    write("application.yml", f"a: 1\n---\nspring.config.activate.on-profile: dev\nspring.profiles.{key}: x")
    assert "cannot be in a file or document that is for a profile" in refusal()


def test_the_same_in_the_file_of_a_profile(write: Write) -> None:
    write("application-dev.yml", "spring.profiles.include: x")
    assert "application-dev.yml: spring.profiles.include cannot be" in refusal({"SPRING_PROFILES_ACTIVE": "dev"})
    write("application-dev.yml", "spring.profiles.group.x: y")
    warnings = load({"SPRING_PROFILES_ACTIVE": "dev"}).warnings
    assert any(text.startswith("spring.profiles.group has no effect") for text in warnings)


def test_the_old_condition_of_documents_is_refused_with_the_new_one(write: Write) -> None:
    write("application.yml", "a: 1\n---\nspring.profiles: prod\nserver.port: 1")
    assert "write spring.config.activate.on-profile" in refusal()


# -- profiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "text", "profile"),
    [
        ({"SPRING_PROFILES_INCLUDE": "b"}, "spring.profiles.active: a", "b,a"),
        ({"SPRING_PROFILES_INCLUDE": "prod"}, "", "prod"),
        ({"SPRING_PROFILES_INCLUDE": "c,a"}, "spring.profiles: {active: a, include: [b, x]}", "c,a,b,x"),
        ({"SPRING_PROFILES_ACTIVE": "a"}, "spring.profiles: {active: z, include: b}", "b,a"),
        ({"SPRING_PROFILES_ACTIVE_0": "a", "SPRING_PROFILES_ACTIVE_1": "b"}, "", "a,b"),
        ({"spring.profiles.active": "a"}, "", "a"),
        ({"spring_profiles_active": "a"}, "", "a"),
        ({"SPRING_APPLICATION_JSON": '{"spring": {"profiles": {"active": ["a", "b"]}}}'}, "", "a,b"),
        ({"JAVA_OPTS": "-Dspring.profiles.active=a"}, "", "a"),
        ({"SPRING_PROFILES_DEFAULT": "prod"}, "", "prod"),
        ({"SPRING_PROFILES_DEFAULT": "prod", "SPRING_PROFILES_ACTIVE": "a"}, "", "a"),
        ({}, "spring.profiles.default: prod", "prod"),
        ({"WHERE": "prod"}, "spring.profiles.active: '${WHERE:dev}'", "prod"),
        ({"SPRING_PROFILES_ACTIVE": ""}, "spring.profiles.active: prod", "prod"),
        ({"SPRING_PROFILES_ACTIVE": "p,z"}, "spring.profiles.group: {p: [db, mq], mq: 'deep,p'}", "p,db,mq,deep,z"),
        ({"SPRING_PROFILES_ACTIVE": "p", "SPRING_PROFILES_GROUP_P": "x,y"}, "spring.profiles.group.p: z", "p,x,y"),
        ({}, "", ""),
    ],
)
def test_profiles(write: Write, environ: dict[str, str], text: str, profile: str) -> None:
    write("application.yml", text)
    result = load(environ | {"DATASOURCE_URL": "sqlite:///x.db"})
    assert result.profile == profile
    assert is_embedded(result.profile) is (profile == "")


def test_names_that_are_nearly_those_of_profiles_are_not_ignored_silently(write: Write) -> None:
    write("application.yml", "spring.profile.active: a")
    result = load({"SPRING_PROFILE_ACTIVE": "b", "SPRING_PROFILES": "c"})
    assert [ignored.key for ignored in result.ignored if "rename it to spring.profiles.active" in ignored.advice] == [
        "spring.profile.active", "SPRING_PROFILE_ACTIVE",
    ]  # fmt: skip
    assert (
        "spring.profiles has no effect, spring.profiles.active has (environment variable SPRING_PROFILES)"
        in result.warnings
    )


def test_a_profile_that_is_active_by_default_has_its_files(write: Write) -> None:
    write("application-default.yml", "server.port: 1")
    assert (port(), load({}).profile) == (1, "")
    assert port({"SPRING_PROFILES_ACTIVE": "dev"}) == 8082


@pytest.mark.parametrize(
    ("expression", "profiles", "holds"),
    [
        ("a", "a", True),
        ("!a", "a", False),
        ("! a", "b", True),
        ("a & b", "a", False),
        ("a&b", "a,b", True),
        ("a | b", "b", True),
        ("(a | b) & !c", "b", True),
        ("(a | b) & !c", "b,c", False),
        ("!(a & b)", "a", True),
        ("((a))", "a", True),
        ("a,b", "b", True),
        ("default", "", True),
        ("default", "a", False),
        ("a & b & c", "a,b,c", True),
    ],
)
def test_expressions(write: Write, expression: str, profiles: str, holds: bool) -> None:
    write("application.yml", f"spring.config.activate.on-profile: '{expression}'\nserver.port: 1")
    environ = {"SPRING_PROFILES_ACTIVE": profiles, "DATASOURCE_URL": "sqlite:///x.db"}
    assert (port(environ) == 1) is holds


@pytest.mark.parametrize(
    "expression", ["a & b | c", "a b & (c", "(a", "a)", "&", "a &", "!", "()", "a !b", "a (b)", "| a", "a & | b"]
)
def test_what_is_no_expression_is_refused(write: Write, expression: str) -> None:
    write("application.yml", f"spring.config.activate.on-profile: '{expression}'")
    assert "is no profile expression" in refusal({"SPRING_PROFILES_ACTIVE": "dev"})


# -- imports -------------------------------------------------------------------------------------------------------


def test_an_import_is_stronger_than_its_document_and_weaker_than_the_next(write: Write) -> None:
    write("config/application.yml", "server: {port: 1, host: a}\nspring.config.import: more.yml\n---\nserver.host: c")
    write("config/more.yml", "server: {port: 2, host: b}\nspring.config.import: 'file:./deep.properties'")
    write("deep.properties", "logging.level=ERROR")
    result = load({})
    assert (result.settings.server.port, result.settings.server.host, result.settings.logging.level) == (
        2,
        "c",
        "ERROR",
    )
    assert result.files == ("config/application.yml", "config/more.yml", "deep.properties")


def test_an_import_has_files_for_profiles_that_are_stronger_than_those_beside_it(write: Write) -> None:
    write("application.yml", "spring.config.import: 'optional:more.yml'")
    write("application-dev.yml", "server: {port: 1}\nlogging.level: ERROR")
    write("more-dev.yml", "server: {port: 2}")
    result = load({"SPRING_PROFILES_ACTIVE": "dev"})
    assert (result.settings.server.port, result.settings.logging.level) == (2, "ERROR")


def test_files_that_import_each_other_are_read_once(write: Write) -> None:
    write("application.yml", "server.port: 1\nspring.config.import: a.yml")
    write("a.yml", "server.port: 2\nspring.config.import: [b.yml, a.yml]")
    write("b.yml", "server.port: 3\nspring.config.import: a.yml, application.yml")
    assert (port(), load({}).files) == (3, ("application.yml", "a.yml", "b.yml"))


def test_a_file_without_an_ending_is_read_by_its_hint(write: Write) -> None:
    write("application.yml", "spring.config.import: 'file:./etc/mine[.yml]'")
    write("etc/mine", "server.port: 2")
    assert port() == 2


def test_imports_of_the_environment_are_stronger_than_all_files(write: Write) -> None:
    write("application-dev.yml", "server.port: 1")
    write("more.yml", "server.port: 2")
    assert port({"SPRING_CONFIG_IMPORT": "more.yml", "SPRING_PROFILES_ACTIVE": "dev"}) == 2
    assert port({"SPRING_CONFIG_IMPORT_0": "more.yml", "SPRING_PROFILES_ACTIVE": "dev"}) == 2


def test_a_configuration_tree_is_one_property_for_each_file(write: Write) -> None:
    write("secrets/spring/datasource/password", "hunter2${x\n")
    write("secrets/spring.datasource.username", "me\r\n")
    write("secrets/..data/server.port", "9")
    write("application.yml", "spring.config.import: 'configtree:./secrets/'")
    result = load({})
    source = result.settings.datasource
    assert source.password is not None
    assert (source.username, source.password.reveal(), result.settings.server.port) == ("me", "hunter2${x", 8082)
    assert str(result.origins["datasource.password"]) == "configuration tree secrets"
    assert "hunter2" not in repr(result)


def test_trees_may_be_a_pattern(write: Write) -> None:
    write("etc/a/server.port", "1")
    write("etc/b/server.port", "2")
    assert port({"SPRING_CONFIG_IMPORT": "configtree:etc/*/"}) == 2


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("nowhere.yml", "spring.config.import (file application.yml): nowhere.yml does not exist"),
        ("configtree:nowhere/", "configtree:nowhere/ is no folder"),
        (
            "configserver:http://config.example",
            "configserver:http://config.example cannot be read here; write optional:",
        ),
        ("classpath:common.yml", "write file: before its path"),
    ],
)
def test_an_import_that_cannot_be_read_stops_the_start(write: Write, location: str, says: str) -> None:
    write("application.yml", f"spring.config.import: '{location}'")
    assert says in refusal()


def test_optional_imports_of_other_kinds_are_named(write: Write) -> None:
    write("application.yml", "spring.config.import: 'optional:consul:,optional:configtree:x/,optional:classpath:x.yml'")
    warnings = load({}).warnings
    assert any(text.endswith("not optional:consul:") for text in warnings)
    assert any(text.startswith("optional:classpath:x.yml has no meaning here") for text in warnings)


def test_imports_of_nacos_of_all_documents_are_one_list(write: Write) -> None:
    write(
        "application.yml",
        "spring.config.import: 'optional:nacos:a.yml'\n---\nspring.config.import: ['optional:nacos:b.yml', 'optional:file:x.yml']",
    )
    write("application-dev.yml", "spring.config.import: 'optional:nacos:c.yml'")
    environ = {"SPRING_PROFILES_ACTIVE": "dev", "SPRING_CONFIG_IMPORT": "optional:nacos:d.yml"}
    imports = load(environ).settings.nacos.config.imports
    assert imports == "optional:nacos:a.yml,optional:nacos:b.yml,optional:nacos:c.yml,optional:nacos:d.yml"


# -- placeholders --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("${spring.application.name}", {}, "my-service"),
        ("${my.base}/x", {}, "/base/x"),
        ("${my.nested}", {}, "/base/y"),
        ("${my.some-thing:/n}", {}, "/camel"),
        ("${my.someThing:/n}", {}, "/camel"),
        ("${my.list[1]}", {}, "/l1"),
        ("${my.base}", {"MY_BASE": "/env"}, "/env"),
        ("${my.some-thing}", {"MY_SOMETHING": "/env"}, "/env"),
        ("${my.some-thing}", {"JAVA_OPTS": "-Dmy.base=/no"}, "/camel"),
        ("${MY_BASE:/none}", {}, "/none"),
        ("${a:b:c}", {"a": "/x"}, "/x"),
        ("${nothing:/${my.word}}", {}, "/w"),
        ("${my.${my.word}}", {}, "/inner"),
        ("${no.${nothing}:/d}", {}, "/d"),
        ("/${user.home:x}", {"HOME": "home"}, "/home"),
    ],
)
def test_placeholders_look_into_every_source(write: Write, text: str, environ: dict[str, str], expected: str) -> None:
    write(
        "application.yml",
        "spring.application.name: my-service\nmy: {base: /base, nested: '${my.base}/y', someThing: /camel, list: [/l0, /l1], word: w, w: /inner}"
        f"\ndatasource.username: '{text}'",
    )
    assert load(environ).settings.datasource.username == expected


def test_a_key_of_others_that_fills_a_placeholder_is_not_said_to_be_without_meaning(write: Write) -> None:
    write(
        "application.yml",
        "my: {base: a, deep: '${my.word}b', word: w, idle: x}\ndatasource.username: '${my.base}${my.deep}'",
    )
    result = load({})
    assert result.settings.datasource.username == "awb"
    assert [ignored.key for ignored in result.ignored] == ["my.idle"]


def test_a_null_is_an_empty_text(write: Write) -> None:
    write("application.yml", "my.nothing:\ndatasource.username: 'a${my.nothing}b'")
    assert load({}).settings.datasource.username == "ab"


def test_a_brace_in_a_default_is_a_part_of_it(write: Write) -> None:
    write("application.yml", "datasource.username: '${nothing:{a}}'")
    assert load({}).settings.datasource.username == "{a}"


def test_only_what_counts_must_be_filled(write: Write) -> None:
    write("application.yml", "redis.url: '${REDIS_URL_OF_PROD}'")
    write("application-dev.yml", "redis.url: redis://a")
    result = load({"SPRING_PROFILES_ACTIVE": "dev"})
    assert result.settings.redis.url is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${my.a}", r"the placeholder \$\{my\.a\} needs itself"),
        ("${random.uuid}", "random values have no meaning here"),
        ("${nothing.here}", r"nothing sets nothing\.here and"),
    ],
)
def test_a_placeholder_that_cannot_be_filled_stops_the_start(write: Write, text: str, says: str) -> None:
    write("application.yml", f"my: {{a: '${{my.b}}', b: '${{my.a}}'}}\nredis.url: '{text}'")
    with pytest.raises(SettingsError, match=rf"redis\.url: {says}.*\(file application\.yml\)"):
        load({})


def test_outside_files_a_placeholder_is_filled_where_something_has_its_name(write: Write) -> None:
    write("application.yml", "my.user: me")
    environ = {"DATASOURCE_USERNAME": "${my.user}", "DATASOURCE_PASSWORD": "a${nothing}b${"}
    source = load(environ).settings.datasource
    assert source.password is not None
    assert (source.username, source.password.reveal()) == ("me", "a${nothing}b${")


def test_a_secrets_file_is_taken_as_it_is(write: Write, tmp_path: Path) -> None:
    write("application.yml", "my.user: me")
    write("secret", "${my.user}")
    source = load({"DATASOURCE_PASSWORD_FILE": str(tmp_path / "secret")}).settings.datasource
    assert source.password is not None
    assert source.password.reveal() == "${my.user}"


# -- Nacos ---------------------------------------------------------------------------------------------------------

WITH_SERVER = "spring: {cloud: {nacos: {server-addr: nacos.example, config: {file-extension: yaml}}}}\n"


def test_configurations_of_nacos_have_documents_with_conditions_and_relaxed_names(write: Write) -> None:
    write("application.yml", f"{WITH_SERVER}my.port: 3")
    text = (
        "server: {port: 1, contextPath: /n}\n---\nspring.config.activate.on-profile: dev\nserver: {port: '${my.port}'}"
    )
    result = load({}, nacos=a_read(documents(text)))
    assert (result.settings.server.port, result.settings.server.context_path) == (1, "/n")
    result = load({"SPRING_PROFILES_ACTIVE": "dev"}, nacos=a_read(documents(text)))
    assert result.settings.server.port == 3
    assert not [warning for warning in result.warnings if "no effect in Nacos" in warning]


def test_a_placeholder_of_a_file_may_be_filled_by_nacos(write: Write) -> None:
    write("application.yml", f"{WITH_SERVER}datasource.username: ${{my.user}}")
    assert load({}, nacos=a_read(documents("my.user: me"))).settings.datasource.username == "me"


def test_the_old_condition_is_refused_in_nacos_too(write: Write) -> None:
    write("application.yml", WITH_SERVER)
    with pytest.raises(SettingsError, match=r"nacos document-1\.yaml: .*write spring\.config\.activate\.on-profile"):
        load({}, nacos=a_read(documents("a: 1\n---\nspring.profiles: prod\nserver.port: 1")))


# -- limits --------------------------------------------------------------------------------------------------------


def test_a_file_beyond_the_limit_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.bootstrap.settings.config_files.MAX_BYTES", 10)
    write("application.yml", "server.port: 1")
    with pytest.raises(SettingsFileError, match="has more than 10 bytes"):
        load({})


def test_files_that_cannot_be_read_are_named(write: Write, tmp_path: Path) -> None:
    write("tree/a", "1")
    (tmp_path / "tree/b").write_bytes(b"\xff")
    assert "tree/b: is not UTF-8" in refusal({"SPRING_CONFIG_IMPORT": "configtree:tree/"})


def test_imports_without_an_end_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.bootstrap.settings.config_data.MAX_FILES", 2)
    for number in range(4):
        write(f"{number}.yml", f"spring.config.import: {number + 1}.yml")
    assert "leads to more than 2 files" in refusal({"SPRING_CONFIG_IMPORT": "0.yml"})


def test_a_tree_beyond_the_limit_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.bootstrap.settings.config_files.MAX_TREE_FILES", 1)
    for name in ("a", "b"):
        write(f"tree/{name}", "1")
    assert "has more than 1 files" in refusal({"SPRING_CONFIG_IMPORT": "configtree:tree/"})


def test_json_as_it_is_written_by_programs(write: Write) -> None:
    write("application.yml", "")
    document = {
        "server": {"port": 9, "context-path": "/中😀"},
        "security": {"allowedHosts": ["a", "b"]},
        "x": {},
        "y": [],
    }
    with pytest.raises(SettingsError, match=r"server\.context-path: must be a path"):
        load({"SPRING_APPLICATION_JSON": json.dumps(document)})
    document["server"] = {"port": 9}
    result: Loaded = load({"SPRING_APPLICATION_JSON": json.dumps(document)})
    assert (result.settings.server.port, result.settings.security.allowed_hosts) == (9, "a,b")
