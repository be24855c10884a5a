"""The script of one conversation that every face must carry: all commands, and everything that can happen to one."""

PAST = 60
_CALM = [0.6012 + 0.0004 * (i % 2) for i in range(PAST + 14)]
_RISE = [0.6012 * 1.004**i for i in range(1, 12)]
_FALL = [_RISE[-1] * 0.985**i for i in range(1, 16)]
_LAST = [_FALL[-1] * (1 + 0.001 * (i % 2)) for i in range(30)]
CLOSES = [round(close, 4) for close in (*_CALM, *_RISE, *_FALL, *_LAST)]
"""PAST bars before the start, then calm, a rise, a fall of stops, calm."""

MORE = """  two_person: [set_margin]
  confirm_s: 60
sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", max_positions: 3}
"""

LOOKING = (
    *(
        "/start",
        "[Status]",
        "pages /help",
        "/help close",
        "+2",
        "/status",
        "[Refresh]",
        "/status XRP",
        "/positions",
    ),
    *(
        "/orders",
        "/orders BTC",
        "/balance",
        "/equity",
        "/pnl",
        "/pnl week 2",
        "/daily 3",
        "/weekly",
        "/monthly",
    ),
    *("/stats", "/stats XRP 7", "/performance", "/performance strategy", "/fees 3", "/chart XRP", "[30m]"),
    *("/price", "/price XRP", "/signal XRP", "/why BTC", "/signals 5", "/symbols", "/risk", "/get_risk"),
    *("/kill", "/halts", "/ml", "/ml_stats", "/ml_rankings", "/ml_rankings uplift", "/phantoms"),
    *("/phantom_stats", "/clusters", "/proposals", "/settings", "/schedule", "/health", "/mode", "/version"),
    *(
        "/params",
        "/params XRP",
        "/notify",
        "/alerts",
        "/who",
        "/audit 3",
        "/config limits",
        "/logs 5 info",
        "[Error]",
        "[Info]",
    ),
    *(
        "/digest",
        "/digest week",
        "/report",
        "[A week earlier]",
        "[A week later]",
        "/dry /close XRP 50",
        "/trades",
        "/ack",
        "/away",
        "/stop",
    ),
)
WRONG = (
    *("/sttus", "/close", "[XRPUSDT]", "[Cancel]", "/close DOGE", "/set_risk 99999999", "/pnl fortnight"),
    *("/set XRP distance 9", "/trades 0", "/approve 99", "/reject 99", "/undo 999999", "/run_job nothing"),
    *("/adopt XRP", "/attach_stop XRP", "/ignore XRP", "/unhalt XRP", "/refuse telegram:31337", "/sweep XRP"),
)
SETTING = (
    *(
        "/set_risk 10",
        "[Confirm]",
        "/set_risk 12",
        "[Cancel]",
        "/set_risk 14",
        "~70",
        "[Confirm]",
        "[Ask again]",
    ),
    *("[Confirm]", "/set_risk_percent 0.2", "[Confirm]", "/leverage XRP", "/leverage XRP 10"),
    *(
        "[Confirm]",
        "[Leverage]",
        "/set XRP distance 0.02",
        "[Confirm]",
        "/reentry XRP off",
        "/notify entry quiet",
    ),
    *("/notify hours 22:00-07:00", "/notify hours off", "/note XRP watch this one", "/alert XRP > 0.61"),
    *(
        "/alert XRP < 0.2",
        "/alert XRP > 0.9",
        "/alerts",
        "[Delete XRPUSDT above 0.9000]",
        "[Delete XRPUSDT below 0.2000]",
        "/alerts delete 9",
        "/settings",
        "/clock pause",
        "/ml_on XRP",
        "/ml_shadow XRP",
        "/ml_off XRP",
    ),
    *("/ml_threshold XRP 0.6", "/retrain XRP", "/export trades", "/export ledger 30", "/backtest XRP 30"),
    *("/propose XRPUSDT-20261121T120000", "/full_report"),
    *("/run_job prune", "/reload", "/pause BTC", "/resume BTC", "[Confirm]"),
)
TRADING = (
    *(
        "/stoploss XRP be",
        "/sl XRP 0.58",
        "[Confirm]",
        "[Orders]",
        "/close XRP",
        "[50%]",
        "[Cancel]",
        "/sl XRP trail 2",
        "[Confirm]",
        "/takeprofit XRP off",
    ),
    *(
        "[Confirm]",
        "/tp XRP 0.7",
        "[Confirm]",
        "/close XRP 50",
        "[Confirm]",
        "/close XRP",
        "bea: /close XRP 50",
    ),
    *(
        "bea: [Confirm]",
        "[Confirm]",
        "[Confirm]",
        "/pause all",
        "/resume all",
        "[Confirm]",
        "/close_all",
        "[Confirm]",
        "/long XRP 10",
        "[Confirm]",
        "/short BTC 10",
    ),
    *(
        "[Confirm]",
        "/close BTC",
        "[Confirm]",
        "/drill BTC",
        "[Confirm]",
        "/reconcile",
        "late 60 /long BTC 10",
        "[Run it now]",
    ),
    *("/pause", "/resume", "[Confirm]", "+9", "/trades 5", "/alerts"),
)
PEOPLE = (
    *("/set_margin 0.4", "[Confirm]", "bea: [Confirm]", "/set_margin 0.3", "[Confirm]", "bea: [Refuse]"),
    *("/set_margin 0.2", "[Confirm]", "[Confirm]", "~310", "bea: [Confirm]", "/set_risk 20", "[Confirm]"),
    *("eve: /status", "eve: [Ask for access]", "[Viewer 7 days]", "[Confirm]", "eve: /status"),
    *(
        "eve: /pause XRP",
        "bea: /set_risk 5",
        "/grant {eve} trader",
        "[Confirm]",
        "[Who]",
        "/grant {eve} trader",
        "[Confirm]",
        "[Revoke]",
        "[Cancel]",
        "eve: /pause BTC",
    ),
    *("/resume BTC", "[Confirm]", "/revoke {eve}", "[Confirm]", "eve: /status", "bea: /status"),
)
CODES = (
    *("/totp", "[Set up]", "[Enter the code]", "=code", "/totp", "~30", "/set_limit max_positions 2"),
    *("[Confirm]", "=code", "~30", "/set_limit max_positions 3", "[Confirm]", "=wrong", "/cancel"),
    *(
        "/undo 1",
        "/kill_now XRP",
        "[Confirm]",
        "/kill",
        "[Reset XRPUSDT]",
        "[Type the reason]",
        "=a lesson",
        "[Cancel]",
        "~60",
        "/reset_kill XRP the market was broken",
    ),
    *("[Confirm]", "=code", "/totp_reset {bea}", "~60", "/totp off", "[Switch off]", "=code", "/totp"),
)
ENDING = (
    *("+16", "/kill", "pages /signals 100", "/stop_trading", "[Confirm]", "[Start trading]", "[Confirm]"),
    *(
        "/panic_close XRP",
        "[Confirm]",
        "[Resume]",
        "[Cancel]",
        "/panic_close",
        "[Confirm]",
        "/panic_close now",
        "/restart",
        "[Confirm]",
    ),
    *(
        "restart",
        "/status",
        "/alerts",
        "bea: late 200 /pause XRP",
        "bea: [Discard 1]",
        "bea: late 220 /status",
    ),
    *("bea: [Run 1]", "/start_trading", "[Confirm]", "+1", "/status", "/shutdown", "[Cancel]"),
)
SCRIPT = (*LOOKING, *WRONG, *SETTING, *TRADING, *PEOPLE, *CODES, *ENDING)
