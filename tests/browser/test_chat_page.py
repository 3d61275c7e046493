"""The chat page as a person uses it on a phone: asking, reading a clause, working something out, booking, losing the network."""

import json
import random
import re
import sqlite3
import time
from contextlib import closing

from openpyxl import load_workbook
from playwright.sync_api import Page, Route, expect

from bot.look import Look
from tests.browser.conftest import visit
from tests.browser.scenes import book, roster
from tests.conftest import QUESTION, Client, Server

TEMPLATE = "/api/assessments/training-allowance/roster/template.xlsx"


def ask(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was sent is answered."""
    expect(page.locator(".me")).not_to_have_count(0)
    expect(page.locator(".busy")).to_have_count(0)


def tap(page: Page, name: str) -> None:
    before = page.locator(".me").count()
    page.get_by_role("button", name=name, exact=True).last.click()
    expect(page.locator(".me")).to_have_count(before + 1)
    settled(page)


def more(page: Page, name: str) -> None:
    page.get_by_role("button", name="更多").click()
    page.locator("dialog").get_by_role("button", name=name).click()


def as_client(page: Page, site: Server) -> Client:
    """The same visitor, asking the server directly."""
    client = Client(site.base_url)
    client.http.cookies.clear()
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    client.http.cookies.set("cjt_session", cookies["cjt_session"])
    return client


def test_a_citation_opens_the_article_with_the_sentence_marked_and_its_neighbours(page: Page, site: Server) -> None:
    ask(page, QUESTION)
    [exchange] = as_client(page, site).history()
    [citation] = exchange["replies"][0]["citations"]
    chip = page.locator(".chip")
    chip.click()
    sheet = page.get_by_role("dialog", name="原文出处")
    expect(sheet.locator("mark")).to_have_text(citation["quote"])
    heading = sheet.locator("h3").text_content()
    sheet.get_by_role("button", name="下一条").click()
    expect(sheet.locator("h3")).not_to_have_text(heading or "")
    expect(sheet.locator("h3")).to_be_focused()
    expect(sheet.locator("mark")).to_have_count(0)
    sheet.get_by_role("button", name="上一条").click()
    expect(sheet.locator("mark")).to_have_text(citation["quote"])
    whole = sheet.get_by_role("link", name="看整份文件").get_attribute("href")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(chip).to_be_focused()
    page.goto(site.base_url + str(whole))
    expect(page.locator("mark")).to_have_text(citation["quote"])


def test_an_assessment_shows_the_sum_and_every_criterion(page: Page, site: Server) -> None:
    ask(page, "新招了8个人,都签了一年合同,3个考了证,能领多少")
    while page.get_by_role("button", name="是", exact=True).count():
        tap(page, "是")
    card = page.locator(".assessment")
    decision = as_client(page, site).history()[-1]["replies"][0]["cards"][0]["decision"]
    expect(card.locator(".sum")).to_contain_text(f"{int(decision['amount']):,}")
    assert card.locator(".criteria li").count() >= len(decision["criteria"])
    expect(card.locator(".criteria li").first).to_contain_text("符合")
    page.get_by_role("link", name="打开、打印这份结果").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(decision["title"])


def send_roster(page: Page, content: bytes) -> None:
    more(page, "上传人员名单")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("link", name="下载空白名单")).to_have_attribute("href", TEMPLATE)
    expect(sheet.get_by_role("button", name="上传", exact=True)).to_be_disabled()
    file = {"name": "名单.xlsx", "mimeType": "application/octet-stream", "buffer": content}
    sheet.locator("input[type=file]").set_input_files([file])
    sheet.get_by_role("button", name="上传", exact=True).click()


def test_a_roster_is_uploaded_and_its_sum_rows_and_files_read(page: Page) -> None:
    send_roster(page, roster())
    settled(page)
    expect(page.locator(".me")).to_contain_text("名单.xlsx")
    expect(page.locator(".assessment")).to_contain_text("中小微企业吗")
    tap(page, "是中小微企业")
    card = page.locator(".assessment").last
    expect(card.locator(".sum")).to_contain_text("能确定 600 元 · 最多 1,200 元")
    expect(card).to_contain_text("要补、要改的(2 行)")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载逐人结果").last.click()
    with open(fetched.value.path(), "rb") as result:
        assert load_workbook(result).sheetnames
    page.get_by_role("link", name="看每个人的结果").last.click()
    expect(page.locator(".cards > li")).to_have_count(3)
    page.get_by_role("link", name="只看要补、要改的").click()
    expect(page.locator(".cards > li")).to_have_count(2)


def test_an_upload_shows_how_far_it_is(page: Page) -> None:
    page.evaluate("""() => {
      window.seen = [];
      new MutationObserver(() => window.seen.push(document.querySelector('progress')?.value)).observe(document.body, {subtree: true, attributes: true, childList: true});
    }""")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 400_000}
    network.send("Network.emulateNetworkConditions", slow)
    send_roster(page, random.Random(1).randbytes(600_000))  # no workbook, but that is seen only when it is there
    expect(page.get_by_text("正在上传")).to_be_visible()
    settled(page)
    seen = [value for value in page.evaluate("window.seen") if value is not None]
    assert any(0 < value < 1 for value in seen) and seen == sorted(seen)


def test_a_wrong_file_gets_a_sentence_that_says_what_is_wrong(page: Page) -> None:
    more(page, "上传人员名单")
    file = {"name": "照片.png", "mimeType": "image/png", "buffer": b"\x89PNG not a roster"}
    page.locator("dialog input[type=file]").set_input_files([file])
    page.locator("dialog").get_by_role("button", name="上传", exact=True).click()
    settled(page)
    expect(page.locator(".bot").last).to_contain_text(re.compile("Excel|表格|xlsx"))


def test_a_slot_is_booked_and_cancelled_and_the_phone_number_stays_nowhere_in_the_browser(page: Page) -> None:
    phone = f"139{time.time_ns() // 1000 % 10**8:08d}"
    more(page, "约实训")
    settled(page)
    page.get_by_role("button", name="选这一场").last.click()
    settled(page)
    tap(page, "同意")
    form = page.get_by_role("form", name="填姓名和手机号")
    form.get_by_label("姓名").fill("李四")
    form.get_by_label("手机号").fill("12")
    form.get_by_role("button", name="发送").click()
    expect(form.get_by_role("alert")).to_contain_text("11 位")
    form.get_by_label("手机号").fill(phone)
    form.get_by_role("button", name="发送").click()
    settled(page)
    tap(page, "确认预约")
    expect(page.locator(".bot").last).to_contain_text("约好了")
    expect(page.get_by_role("link", name="加到日历")).to_be_visible()
    assert phone not in json.dumps(page.evaluate("({...localStorage, ...sessionStorage})")) + page.content()
    page.get_by_text("在这里打开签到二维码").click()
    expect(page.locator(".bot .qr img")).to_have_js_property("complete", True)
    assert page.locator(".bot .qr img").evaluate("(image) => image.naturalWidth") > 0
    page.get_by_role("link", name="签到二维码").click()
    expect(page.locator(".qr svg")).to_be_visible()
    page.go_back()
    page.wait_for_selector(".app")
    tap(page, "取消预约")
    page.locator(".bot").last.get_by_role("button").first.click()
    settled(page)
    expect(page.locator(".bot").last).to_contain_text("取消了")


def test_what_was_said_is_there_after_a_reload_and_taps_by_their_titles(page: Page) -> None:
    ask(page, QUESTION)
    title = page.locator(".bot .quick button").first.text_content()
    tap(page, str(title))
    shown = page.locator(".me").all_inner_texts()
    page.reload()
    page.wait_for_selector(".app .me")
    assert page.locator(".me").all_inner_texts() == shown
    assert "assess:" not in page.inner_text("body")


def test_what_is_written_offline_is_sent_once_when_the_network_is_back(page: Page, site: Server) -> None:
    page.context.set_offline(True)
    page.fill("#text", QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_text("现在没有网络")).to_be_visible()
    expect(page.locator(".failed")).to_contain_text("没有发出去")
    page.context.set_offline(False)
    expect(page.locator(".bot .lead")).to_be_visible()
    expect(page.get_by_text("现在没有网络")).to_have_count(0)
    assert [exchange["said"] for exchange in as_client(page, site).history()] == [QUESTION]


def test_a_message_whose_answer_was_lost_is_resent_and_answered_once(page: Page, site: Server) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/chat/messages", lose, times=1)
    page.fill("#text", QUESTION)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="重发").click()
    expect(page.locator(".bot .lead")).to_be_visible()
    assert len(as_client(page, site).history()) == 1


def test_an_unsent_message_survives_a_reload(page: Page) -> None:
    page.route("**/chat/messages", lambda route: route.abort(), times=1)
    page.fill("#text", QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".failed")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="重发").click()
    expect(page.locator(".bot .lead")).to_be_visible()


def test_a_message_that_cannot_be_taken_says_why_and_offers_no_resending(page: Page) -> None:
    refusal = {"error": {"code": "too_long", "message": "一次最多发 4000 个字,请分几次说"}}
    page.route("**/chat/messages", lambda route: route.fulfill(status=422, json=refusal), times=1)
    page.fill("#text", "很长")
    page.keyboard.press("Enter")
    expect(page.locator(".failed")).to_contain_text("请分几次说")
    expect(page.get_by_role("button", name="重发")).to_have_count(0)
    page.get_by_role("button", name="不发了").click()
    expect(page.locator(".failed")).to_have_count(0)


def test_a_session_that_ran_out_is_replaced_without_a_word(page: Page) -> None:
    page.context.clear_cookies(name="cjt_session")
    ask(page, QUESTION)
    expect(page.locator(".bot .lead")).to_be_visible()


def test_a_new_conversation_begins_anew_here_and_on_the_server(page: Page, site: Server) -> None:
    ask(page, "帮我算算培训津贴")
    more(page, "新对话")
    expect(page.locator(".me")).to_have_count(0)
    expect(page.get_by_text("可以这样问")).to_be_visible()
    person = as_client(page, site)
    assert person.history()[-1]["said"] == "anew"
    page.reload()
    page.wait_for_selector(".app .talk li")
    expect(page.locator(".me")).to_have_count(0)
    ask(page, "12")  # no answer to the assessment any more
    assert person.history()[-1]["replies"][0]["kind"] != "assessment"
    expect(page.locator(".me")).to_have_count(1)
    page.get_by_role("button", name="看更早的对话").click()
    expect(page.locator(".me").first).to_contain_text("帮我算算培训津贴")


def test_what_people_think_of_an_answer_reaches_the_review_list(page: Page, site: Server) -> None:
    ask(page, QUESTION)
    page.get_by_role("button", name="没用").click()
    page.get_by_label("哪里不对").fill("没说多少钱,打 13812345678")
    page.get_by_role("button", name="告诉我们").click()
    expect(page.get_by_text("谢谢,记下了。")).to_be_visible()
    [(useful, comment)] = site.rows(
        "SELECT useful, comment FROM feedback WHERE sender_id = ?", as_client(page, site).sender_id
    )
    assert not useful and comment.startswith("没说多少钱") and "13812345678" not in comment


def test_a_notice_comes_in_while_the_page_is_open_and_takes_no_button_away(page: Page, site: Server) -> None:
    tap(page, "约实训")
    reply = {
        "kind": "booking",
        "text": "明天有您的预约",
        "citations": [],
        "quick_replies": [],
        "cards": [],
        "attachments": [],
    }
    row = (as_client(page, site).sender_id, "notice-1", "", json.dumps([reply]), time.time())
    with closing(sqlite3.connect(site.var / "chanjiaotong.db", timeout=5)) as connection, connection:
        columns = "sender_id, message_id, said, replies, created_at"
        connection.execute(f"INSERT INTO chat_messages ({columns}) VALUES (?, ?, ?, ?, ?)", row)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".notice")).to_contain_text("明天有您的预约")
    expect(page.get_by_role("log")).to_contain_text("明天有您的预约")
    expect(page.get_by_role("button", name="选这一场")).not_to_have_count(0)


def test_a_long_conversation_is_drawn_in_pages(page: Page, site: Server) -> None:
    person = as_client(page, site)
    for number in range(65):
        person.say(f"谢谢{number}", f"long-{number}")
    with page.expect_response("**/chat/history*") as fetched:
        page.reload()
    assert len(fetched.value.json()["messages"]) == 30
    earlier = page.get_by_role("button", name="看更早的对话")
    for shown in (30, 60, 65):
        expect(page.locator(".me")).to_have_count(shown)
        if shown < 65:
            earlier.click()
    expect(earlier).to_have_count(0)
    assert page.locator(".me").all_inner_texts() == [f"您说:\n谢谢{number}" for number in range(65)]


def test_an_answer_is_read_aloud_and_can_be_stopped(page: Page) -> None:
    page.evaluate("""() => {
      window.heard = [];
      speechSynthesis.speak = (said) => window.heard.push([said.lang, said.text]);
      speechSynthesis.cancel = () => window.heard.push('stopped');
    }""")
    ask(page, QUESTION)
    page.get_by_role("button", name="读出来").click()
    page.get_by_role("button", name="不读了").click()
    expect(page.get_by_role("button", name="读出来")).to_be_visible()
    heard = page.evaluate("window.heard")
    [(lang, text)] = [each for each in heard if each != "stopped"]
    assert lang == "zh-CN" and page.locator(".bot .lead").inner_text() in text and heard[-1] == "stopped"


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.locator("#text").focus()
    page.keyboard.type("实习给")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("不给钱?")
    page.keyboard.press("Enter")
    settled(page)
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_value("")
    page.locator(".write .plain").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".write .plain")).to_be_focused()


def test_the_elders_version_is_one_press_away_and_holds_on_every_page(page: Page, site: Server) -> None:
    page.get_by_role("link", name="长辈版").click()
    with page.expect_response("**/settings/"):
        page.get_by_role("dialog").get_by_role("button", name="长辈版", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body).fontSize").startswith("24")
    page.goto(f"{site.base_url}/slots/")
    assert page.evaluate("document.documentElement.dataset.size") == "elder"


def test_traditional_characters_everywhere_but_in_the_policy(page: Page, site: Server) -> None:
    ask(page, QUESTION)
    page.get_by_role("link", name="长辈版").click()
    page.get_by_role("dialog").get_by_label("繁体").check()
    expect(page.locator(".bot .lead")).to_contain_text("實")
    expect(page.locator("blockquote")).to_contain_text("实习")
    assert page.evaluate("document.documentElement.lang") == "zh-Hant"


def test_without_a_script_the_forms_do_the_same(chromium, site: Server) -> None:
    with visit(chromium, site, Look(size="elder"), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site.base_url}/chat/")
        page.fill("#text", QUESTION)
        page.get_by_role("button", name="发送").click()
        expect(page.locator("blockquote")).to_have_count(1)
        page.locator(".bot form button").first.click()
        expect(page.locator(".me").last).not_to_contain_text("assess:")
        page.get_by_role("link", name="长辈版").click()
        page.get_by_role("button", name="回到标准字号").click()
        expect(page.locator(".bot").first).to_be_visible()
        assert page.locator("html").get_attribute("data-size") is None


def test_days_are_compared_and_booked_on_the_pages(page: Page, site: Server) -> None:
    person = as_client(page, site)
    code = book(person)
    page.goto(f"{site.base_url}/bookings/")
    page.get_by_role("link", name=re.compile("月.*日")).first.click()
    expect(page.locator(".code")).to_have_text(code)
    page.goto(f"{site.base_url}/slots/")
    days = page.get_by_role("navigation", name="按天看").get_by_role("link")
    assert days.count() > 1
    target = days.nth(1).get_attribute("href") or ""
    days.nth(1).click()
    expect(page.locator(f'[id="{target[1:]}"]')).to_be_in_viewport()
