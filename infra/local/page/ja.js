// Everything that the page says, in Japanese.

export const ja = {
  steps: ["パスワード", "本人確認", "完了"],

  loading: { title: "しばらくお待ちください", lead: "ログイン状態を確認しています…" },

  password: {
    title: "ログイン",
    lead: "メールアドレスとパスワードを入力してください。続いて、追加の本人確認を行います。",
    email: "メールアドレス",
    password: "パスワード",
    submit: "次へ",
    busy: "確認しています…",
  },

  code: {
    title: "認証コードの入力",
    lead: (kind, factor) => {
      const to = factor?.name ?? factor?.phone_number;
      switch (kind === "oob" ? factor?.type : kind) {
        case "otp":
          return "認証アプリに表示されている6桁の数字を入力してください。";
        case "recovery":
          return "本人確認の設定時に控えたリカバリーコードを入力してください。";
        case "sms":
          return `${to ? `${to} 宛ての` : ""}SMSでお送りした認証コードを入力してください。`;
        case "voice":
          return `${to ? `${to} への` : ""}お電話でお伝えした認証コードを入力してください。`;
        case "email":
          return `${to ? `${to} 宛ての` : ""}メールでお送りした認証コードを入力してください。`;
        default:
          return "お送りした認証コードを入力してください。";
      }
    },
    label: { otp: "6桁の認証コード", oob: "認証コード", recovery: "リカバリーコード" },
    submit: "確認する",
    busy: "確認しています…",
    endsIn: (time) => `残り時間 ${time}`,
    attemptsLeft: (left) => `入力できる回数：あと${left}回`,
    incomplete: "認証コードは6桁の数字です。",
    missing: "認証コードを入力してください。",
    over: "この認証コードは無効になりました。新しいコードを送信してください。",
  },

  resend: {
    code: "新しいコードを送信する",
    push: "通知を再送する",
    qr: "新しいQRコードを表示する",
    wait: (time) => `再送できるまで ${time}`,
    busy: "送信しています…",
    done: "再送しました。",
  },

  push: {
    title: "スマートフォンをご確認ください",
    lead: (factor) => `${factor?.name ?? "スマートフォン"}に通知をお送りしました。通知を承認すると、この画面は自動的に進みます。`,
    leadRefused: "この通知は無効になりました。通知を再送するか、別の方法をお選びください。",
    waiting: "承認をお待ちしています…",
    code: "代わりに認証コードを入力する",
  },

  choose: {
    title: "別の方法を選ぶ",
    lead: "本人確認の方法をお選びください。",
    busy: "お待ちください…",
  },

  ways: {
    other: "別の方法で確認する",
    busy: "お待ちください…",
    back: "戻る",
    restart: "最初からやり直す",
    cancel: "キャンセル",
  },

  factors: {
    otp: "認証アプリ",
    sms: "SMS",
    voice: "電話（音声）",
    email: "メール",
    push: "スマートフォンへの通知",
    "recovery-code": "リカバリーコード",
  },

  enroll: {
    title: "本人確認の設定",
    lead: "パスワードを確認しました。ログインには追加の本人確認の設定が必要です。方法をお選びください。",
    about: {
      otp: "スマートフォンのアプリに表示される6桁の数字",
      sms: "SMSで届く認証コード",
      voice: "お電話でお伝えする認証コード",
      email: "メールで届く認証コード",
      push: "Guardianアプリでログインのたびに承認",
    },
    busy: "お待ちください…",
  },

  phone: {
    title: "電話番号の登録",
    lead: { sms: "入力された番号に、SMSで認証コードをお送りします。", voice: "入力された番号にお電話し、認証コードをお伝えします。" },
    label: "電話番号",
    hint: "例：+81 90 1234 5678（国番号から）",
    submit: "次へ",
    wrong: "電話番号は、先頭に「+」と国番号を付けて入力してください。",
  },

  enrolled: {
    title: "本人確認の設定を完了する",
    lead: {
      otp: "認証アプリでQRコードを読み取り、表示された6桁の数字を入力してください。",
      push: "スマートフォンのGuardianアプリでQRコードを読み取ってください。この画面は自動的に進みます。",
      sms: "SMSでお送りした認証コードを入力してください。",
      voice: "お電話でお伝えした認証コードを入力してください。",
      email: "メールでお送りした認証コードを入力してください。",
    },
    qr: "アプリ用のQRコード",
    secret: "手入力用のキー",
    recovery: "次のリカバリーコードを必ず控えてください。スマートフォンをお使いになれないときのログインに必要です。再表示はできません。",
    waiting: "読み取りを待っています…",
  },

  recovered: {
    title: "新しいリカバリーコード",
    lead: "お使いになったリカバリーコードは無効になりました。次の新しいコードを必ず控えてください。再表示はできません。",
    done: "控えました",
  },

  oneMore: "確認できました。続けて、もう一つの方法で本人確認をお願いします。",
  tooLate: "時間切れのため、お手続きは完了していません。ログインは継続しています。",
  confirming: ({ to, amount }) => `お振込内容：${to} 様へ ${amount} ユーロ`,

  account: {
    title: "ログインしました",
    lead: "トークンはこのページのメモリにのみ保持され、ほかには保存されません。",
    leadWithout: "ログインは継続していますが、トークンはまだ取得されていません。",
    tokens: "トークン",
    claims: "IDトークンのクレーム",
    noIdToken: "IDトークンはありません（スコープで要求されていません）。",
    accessToken: "アクセストークン",
    expires: "有効期限",
    expiresIn: (seconds, time) => `${span(seconds)}後（${time}）`,
    scope: "スコープ",
    renew: "トークンを更新する",
    renewing: "更新しています…",
    renewed: "トークンを更新しました。",
    confirmed: "本人確認が完了しました。次のお振込では認証コードは不要です。",
    elsewhere: "別のウィンドウでログインしました。",
    endsIn: (time) => `自動ログアウトまで ${time}`,
    signOut: "ログアウト",
    busy: "ログアウトしています…",
  },

  transfer: {
    title: "お振込",
    to: "お振込先",
    amount: "金額（ユーロ）",
    form: "金額は 25 や 25.50 のように入力してください",
    submit: "振り込む",
    busy: "お手続き中です…",
    done: ({ to, amount }) => `${to} 様へ ${amount} ユーロを振り込みました。`,
    reference: (id) => `受付番号：${id}`,
  },

  copy: "コピー",
  copied: "コピーしました",
  notCopied: "選択してコピーしてください",

  unavailable: {
    title: "接続できませんでした",
    lead: "ログイン状態を確認できませんでした。",
    retry: "もう一度試す",
    busy: "確認しています…",
  },

  hint: {
    title: "ローカル環境",
    body: [
      "ユーザー、パスワード、認証コードは、",
      { code: "cargo dev" },
      " を実行している端末に表示されます。メッセージと通知は",
      { name: "受信箱", href: "/inbox" },
      "に届きます。",
    ],
  },

  signedOut: "ログアウトしました。",

  errors: {
    invalid_credentials: () => "メールアドレスまたはパスワードが正しくありません。",
    invalid_code: ({ attemptsLeft }) => `認証コードが正しくありません。${ja.code.attemptsLeft(attemptsLeft)}`,
    session_expired: () => "有効期限が切れました。お手数ですが、もう一度ログインしてください。",
    login_required: () => "お手数ですが、もう一度ログインしてください。",
    too_many_attempts: ({ retryAfter }) =>
      retryAfter
        ? `試行回数の上限に達しました。${span(retryAfter)}後にもう一度お試しください。`
        : "試行回数の上限に達しました。もう一度ログインしてください。ログインできない場合は、しばらく時間をおいてからお試しください。",
    too_many_requests: ({ retryAfter }) => `ただいまアクセスが集中しています。${span(retryAfter || 1)}後にもう一度お試しください。`,
    in_progress: () => "前の操作を処理しています。少し待ってからもう一度お試しください。",
    account_blocked: () => "このアカウントはご利用を停止されています。管理者にお問い合わせください。",
    password_leaked: () => "このパスワードは他のサービスから流出した可能性があるため、ご利用いただけません。パスワードを再設定してからログインしてください。",
    access_denied: ({ message }) => `ログインが許可されませんでした。${message ? `（${message}）` : "管理者にお問い合わせください。"}`,
    verification_required: () => "追加の確認が必要ですが、この画面では行えません。標準のログイン画面をご利用ください。",
    unsupported_challenge_type: () => "この方法はご利用になれません。別の方法をお選びください。",
    already_enrolled: () => "本人確認はすでに設定されています。設定済みの方法をご利用ください。",
    mfa_not_enforced: () => "追加の本人確認が行われなかったため、安全のためログインを中止しました。管理者にお問い合わせください。",
    challenge_rejected: () => "通知が拒否されたか、無効になりました。",
    origin_not_allowed: () => "このページのアドレスからはログインできません。",
    store_unavailable: () => "ただいまサービスをご利用いただけません。ログイン状態は保たれています。しばらくしてからもう一度お試しください。",
    upstream_error: () => "認証サービスから正しい応答がありませんでした。お手続きの内容は保たれています。もう一度お試しください。",
    upstream_timeout: () => "認証サービスの応答がありませんでした。お手続きの内容は保たれています。もう一度お試しください。",
    server_misconfigured: () => "ログイン機能の設定に問題があります。管理者にお問い合わせください。",
    internal_error: () => "システムエラーが発生しました。もう一度お試しください。",
    invalid_request: ({ message }) => `入力内容を確認してください。${message ? `（${message}）` : ""}`,
    invalid_scope: () => "この操作の本人確認は行えません。管理者にお問い合わせください。",
    method_not_allowed: () => "ページが最新ではありません。ページを再読み込みしてください。",
    payload_too_large: () => "入力が長すぎます。短くしてもう一度お試しください。",
    unsupported_media_type: () => "ページが最新ではありません。ページを再読み込みしてください。",
    invalid_token: () => "アクセストークンがないか、有効期限が切れています。トークンを更新してからもう一度お試しください。",
    keys_unavailable: () => "ただいまお振込を受け付けられません。しばらくしてからもう一度お試しください。",
    insufficient_user_authentication: () => "本人確認が完了していません。もう一度お試しください。",
    network_error: () => "サーバーに接続できません。通信環境をご確認ください。",
    unexpected_response: () => "サーバーから正しい応答がありませんでした。しばらくしてからもう一度お試しください。",
    cancelled: () => "お手続きは完了していません。",
  },

  reference: (id) => `お問い合わせ番号：${id}`,
};

/** `86400` as `24時間`. */
function span(seconds) {
  if (seconds < 60) return `${seconds}秒`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}分`;
  return `${Math.round(seconds / 3600)}時間`;
}
