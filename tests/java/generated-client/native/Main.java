import java.io.File;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AccountsApi;
import org.openapitools.client.api.MediaApi;
import org.openapitools.client.api.MessagesApi;
import org.openapitools.client.api.ProvidersApi;
import org.openapitools.client.model.*;

/** What a team does first with a client that openapi-generator made of our document. Prints what the test compares. */
public class Main {
  private static final String GUID = "java-guid";
  private static final String PERSON = "S:7881301000000001";

  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    MessagesApi messages = new MessagesApi(client);

    SendText text = new SendText().guid(GUID).conversationId(PERSON).content("你好").extra(Map.of("order", 42));
    SendResult sent = messages.sendMessage(new SendRequest(text), "java-1", null, null).getData();
    say("sent", sent.getSuccess(), sent.getGroupId());
    SendResultEnvelope again = messages.sendMessage(new SendRequest(text), "java-1", null, null);
    say("again", again.getCode(), again.getData().getDuplicate(), again.getData().getMessageId().equals(sent.getMessageId()));

    StatusAnswer status = messages.getMessageStatus(sent.getMessageId(), null, null).getData();
    say("status", status.getSuccess(), status.getNextAttemptAt());
    MessageAnswer whole = messages.getMessage(sent.getMessageId(), null).getData();
    say("content", whole.getContent().getMessageType(), whole.getContent().getContent(), whole.getExtra());

    SendMixed mixed = new SendMixed().guid(GUID).conversationId(PERSON)
        .addPartsItem(new MessagePart(new TextContent().content("one")))
        .addPartsItem(new MessagePart(new LinkContent().linkTitle("two").linkUrl("https://files.example/two")));
    SendResult group = messages.sendMessage(new SendRequest(mixed), null, null, null).getData();
    say("mixed", group.getMessageId(), group.getGroupId() != null, group.getParts().size());

    SendQuote quote = new SendQuote().guid(GUID).conversationId(PERSON).content("同意").quoteContent("周五?").quoteAppInfo("x")
        .quoteContentType(2).quoteSender("788").quoteSenderName("小王")
        .quoteMessage(new QuotedContent(new TextContent().content("周五?")));
    AsyncResult quoted = messages.sendMessageAsync(new SendRequest(quote), null, null).getData();
    say("async", quoted.getStatusUrl() != null, quoted.getDuplicate());

    MediaApi media = new MediaApi(client);
    File file = Files.createTempFile("picture", ".txt").toFile();
    Files.writeString(file.toPath(), "a file of Java");
    MediaAnswer asset = media.createMedia(file, null).getData();
    file.delete();
    SendFile sendFile = new SendFile().guid(GUID).conversationId(PERSON).mediaId(asset.getMediaId());
    BatchItem first = new BatchItem(sendFile);
    BatchItem second = new BatchItem(new SendLocation().guid(GUID).conversationId(PERSON).locationTitle("office")
        .longitude(new java.math.BigDecimal("121.5")).latitude(new java.math.BigDecimal("31.2")));
    BatchRequest single = new BatchRequest().messages(List.of(first, second));
    BatchAnswer batch = messages.sendBatch(single, null, null).getData();
    say("batch", batch.getAccepted(), batch.getRejected(), asset.getSize());
    BatchRequest fanOut = new BatchRequest().guid(GUID).userList(List.of("788130100000001", "788130100000002"))
        .content("hello").mode(BatchRequest.ModeEnum.FANOUT);
    batch = messages.sendBatch(fanOut, null, null).getData();
    BatchProgress progress = messages.getBatch(batch.getBatchId(), null, null, null).getData();
    say("fanOut", progress.getTotal(), progress.getMode());

    DecisionAnswer decision = new AccountsApi(client).explainRoute(new SendRequest(text), null).getData();
    say("explain", decision.getChosen() != null || decision.getReason() != null);
    NewAccountRequest account = new NewAccountRequest().accountId("java").onUnknown(NewAccountRequest.OnUnknownEnum.HOLD)
        .addPoolsItem("sales").addBindingsItem(new NewBindingRequest().providerCode("GUANGZHOU_GUXING").guid("java-2"));
    AccountAnswer made = new AccountsApi(client).createAccount(account, null).getData();
    say("account", made.getAccountId(), made.getPools(), made.getBindings().get(0).getGuid(), made.getQuietHours());
    say("providers", new ProvidersApi(client).listProviders(null).getData().get(0).getCode());

    try {
      messages.cancelMessage(sent.getMessageId(), null);
    } catch (ApiException error) {
      say("cancel", error.getCode(), error.getResponseBody().contains("ILLEGAL_STATE"));
    }
  }

  private static void say(String name, Object... values) {
    System.out.println(name + " " + java.util.Arrays.asList(values));
  }
}
