"""The whole suite of one protocol."""

from wework_message.testing.provider_contract.callbacks import CallbackContract
from wework_message.testing.provider_contract.calls import CallContract
from wework_message.testing.provider_contract.declarations import DeclarationContract
from wework_message.testing.provider_contract.instances import InstanceContract
from wework_message.testing.provider_contract.mass import MassContract
from wework_message.testing.provider_contract.media import MediaContract
from wework_message.testing.provider_contract.streams import StreamContract


class ProviderContract(
    CallContract,
    InstanceContract,
    DeclarationContract,
    CallbackContract,
    StreamContract,
    MediaContract,
    MassContract,
):
    """All that a protocol promises; see the package for what a subclass has to say.

    Fixtures: `protocol`, `provider`, and `guid` where the instance that is online has another name than ``g-1``.
    Attributes: `options`, `conversation`, `content`, `recalls`, `callbacks`, `stream_seq`, `mass_recipients`.
    """
