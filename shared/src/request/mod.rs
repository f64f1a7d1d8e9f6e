//! What a page asks for.
//!
//! Bodies are read field by field and not by deriving: a refusal must name the field and say what is
//! expected, and must never repeat a value, which derived errors do (`invalid type: integer 123456`, and
//! there goes a code into a log).

mod fields;

use fields::Fields;

use crate::opaque::Private;

/// More than any request of this API has.
pub(crate) const MAX_BODY: usize = 8 * 1024;

/// Upper bounds in characters. Auth0 has its own; these keep nonsense away from it.
const MAX_NAME: usize = 320;
const MAX_PASSWORD: usize = 1024;
const MAX_CODE: usize = 64;
const MAX_AUTHENTICATOR_ID: usize = 256;
const MAX_SCOPE: usize = 1024;

/// A body that cannot be used: one sentence that names the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

/// The body of `POST authenticate`.
#[derive(Debug)]
pub(crate) enum Action {
    SignIn(SignIn),
    Challenge(Choice),
    Authenticators,
    Enroll(Enrollment),
    StepUp { scope: String, choice: Choice },
    Renew,
}

/// First factor, and which second factor is wished for.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) username: Private,
    pub(crate) password: Private,
    pub(crate) choice: Choice,
}

/// Which factor to be challenged with.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// `otp`, `oob`, or both with a space between.
    pub(crate) challenge_type: String,
    pub(crate) authenticator_id: Option<String>,
}

/// A factor to enroll.
#[derive(Debug)]
pub(crate) enum Enrollment {
    Otp,
    Sms { phone_number: Private },
    Voice { phone_number: Private },
    Email { email: Option<Private> },
    Push,
}

/// The body of `POST verify`.
#[derive(Debug)]
pub(crate) enum Code {
    Otp(Private),
    Binding(Private),
    Recovery(Private),
    Push,
}

impl Action {
    /// The names that `action` can have.
    const NAMES: [&str; 6] = ["sign_in", "challenge", "authenticators", "enroll", "step_up", "renew"];

    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::parse(body)?;
        let name = fields.optional_text("action", MAX_CODE)?.unwrap_or_else(|| "sign_in".into());
        let action = match name.as_str() {
            "sign_in" => Self::SignIn(SignIn {
                username: Private::from(match fields.optional_text("email", MAX_NAME)? {
                    Some(_) if fields.has("username") => {
                        return Err(Malformed("give `email` or `username`, not both".into()));
                    }
                    Some(email) => email,
                    None if fields.has("username") => fields.text("username", MAX_NAME)?,
                    None => return Err(Malformed("`email` is missing".into())),
                }),
                password: Private::from(fields.text("password", MAX_PASSWORD)?),
                choice: Choice::take(&mut fields)?,
            }),
            "challenge" => Self::Challenge(Choice::take(&mut fields)?),
            "authenticators" => Self::Authenticators,
            "enroll" => Self::Enroll(Enrollment::take(&mut fields)?),
            "step_up" => {
                let scope = fields.text("scope", MAX_SCOPE)?;
                let scope = scope.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
                if scope.is_empty() {
                    return Err(Malformed("`scope` must not be empty".into()));
                }
                Self::StepUp { scope, choice: Choice::take(&mut fields)? }
            }
            "renew" => Self::Renew,
            _ => return Err(Malformed(format!("`action` must be one of: {}", Self::NAMES.join(", ")))),
        };
        fields.end()?;
        Ok(action)
    }

    /// As `action` names it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "sign_in",
            Self::Challenge(_) => "challenge",
            Self::Authenticators => "authenticators",
            Self::Enroll(_) => "enroll",
            Self::StepUp { .. } => "step_up",
            Self::Renew => "renew",
        }
    }
}

impl Choice {
    /// What is asked for where nobody said otherwise: a user may have only one of the two.
    pub(crate) const ANY: &str = "otp oob";

    pub(crate) fn any() -> Self {
        Self { challenge_type: Self::ANY.into(), authenticator_id: None }
    }

    fn take(fields: &mut Fields) -> Result<Self, Malformed> {
        let challenge_type = match fields.optional_text("challenge_type", MAX_CODE)? {
            None => Self::ANY.to_owned(),
            Some(types) if ["otp", "oob", "otp oob", "oob otp"].contains(&types.as_str()) => types,
            Some(_) => {
                return Err(Malformed("`challenge_type` must be `otp`, `oob`, or both with a space between".into()));
            }
        };
        let authenticator_id = fields.optional_text("authenticator_id", MAX_AUTHENTICATOR_ID)?;
        if authenticator_id.as_ref().is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Malformed("`authenticator_id` must be one of those that `authenticators` lists".into()));
        }
        Ok(Self { challenge_type, authenticator_id })
    }
}

impl Enrollment {
    fn take(fields: &mut Fields) -> Result<Self, Malformed> {
        match fields.text("type", MAX_CODE)?.as_str() {
            "otp" => Ok(Self::Otp),
            "sms" => Ok(Self::Sms { phone_number: phone_number(fields)? }),
            "voice" => Ok(Self::Voice { phone_number: phone_number(fields)? }),
            "email" => Ok(Self::Email { email: fields.optional_text("email", MAX_NAME)?.map(Private::from) }),
            "push" => Ok(Self::Push),
            _ => Err(Malformed("`type` must be one of: otp, sms, voice, email, push".into())),
        }
    }
}

/// E.164: a plus sign and up to fifteen digits, the first not 0 (ITU-T E.164, section 6).
fn phone_number(fields: &mut Fields) -> Result<Private, Malformed> {
    let number = fields.text("phone_number", MAX_CODE)?;
    let digits = number.strip_prefix('+').unwrap_or_default();
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    {
        Ok(number.into())
    } else {
        Err(Malformed("`phone_number` must be in E.164 form, like +4917655500199".into()))
    }
}

impl Code {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::parse(body)?;
        let given: Vec<&str> =
            ["otp", "binding_code", "recovery_code", "push"].into_iter().filter(|name| fields.has(name)).collect();
        let code = match given.as_slice() {
            ["otp"] => {
                let otp = fields.text("otp", MAX_CODE)?;
                if otp.len() != 6 || !otp.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Malformed("`otp` must be six digits".into()));
                }
                Self::Otp(otp.into())
            }
            ["binding_code"] => Self::Binding(fields.text("binding_code", MAX_CODE)?.into()),
            ["recovery_code"] => Self::Recovery(fields.text("recovery_code", MAX_CODE)?.into()),
            ["push"] => {
                fields.truth("push")?;
                Self::Push
            }
            given => {
                if given.is_empty() {
                    fields.end()?;
                }
                return Err(Malformed("give exactly one of `otp`, `binding_code`, `recovery_code` and `push`".into()));
            }
        };
        fields.end()?;
        Ok(code)
    }

    /// The field's name.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Otp(_) => "otp",
            Self::Binding(_) => "binding_code",
            Self::Recovery(_) => "recovery_code",
            Self::Push => "push",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(body: &str) -> Result<Action, String> {
        Action::parse(body.as_bytes()).map_err(|Malformed(what)| what)
    }

    fn code(body: &str) -> Result<Code, String> {
        Code::parse(body.as_bytes()).map_err(|Malformed(what)| what)
    }

    #[test]
    fn a_body_without_action_is_a_sign_in() {
        let Action::SignIn(sign_in) = action(r#"{"email":"ada@example.com","password":"pass word"}"#).unwrap() else {
            panic!("not a sign-in")
        };
        assert_eq!(sign_in.username.expose(), "ada@example.com");
        assert_eq!(sign_in.password.expose(), "pass word");
        assert_eq!(sign_in.choice.challenge_type, "otp oob");
        assert!(matches!(action(r#"{"username":"ada","password":"p"}"#), Ok(Action::SignIn(_))));
    }

    #[test]
    fn every_refusal_of_authenticate_names_the_field_and_repeats_no_value() {
        for (body, expected) in [
            ("", "not JSON"),
            ("email=ada", "not JSON"),
            ("[]", "JSON object"),
            ("null", "JSON object"),
            ("\"hunter2\"", "JSON object"),
            ("{\"email\":\"hunter2\"", "not JSON"),
            ("{} hunter2", "not JSON"),
            (r#"{"password":"hunter2"}"#, "`email`"),
            (r#"{"email":"a@example.com"}"#, "`password`"),
            (r#"{"email":"","password":"hunter2"}"#, "`email`"),
            (r#"{"email":"a@example.com","password":""}"#, "`password`"),
            (r#"{"email":"a@example.com","password":123456}"#, "`password`"),
            (r#"{"email":null,"password":"hunter2"}"#, "`email`"),
            (r#"{"email":["hunter2"],"password":"hunter2"}"#, "`email`"),
            (r#"{"email":"a","username":"hunter2","password":"hunter2"}"#, "`username`"),
            (r#"{"email":"a","password":"hunter2","otp":"123456"}"#, "`otp`"),
            (r#"{"email":"a","password":"hunter2","password":"hunter2"}"#, "`password`"),
            (r#"{"email":"a","password":"hunter2","challenge_type":"sms"}"#, "`challenge_type`"),
            (r#"{"email":"a","password":"hunter2","challenge_type":"otp otp"}"#, "`challenge_type`"),
            (r#"{"email":"a","password":"hunter2","authenticator_id":"a b"}"#, "`authenticator_id`"),
            (r#"{"action":"hunter2"}"#, "`action`"),
            (r#"{"action":123456}"#, "`action`"),
            (r#"{"action":"challenge","password":"hunter2"}"#, "`password`"),
            (r#"{"action":"enroll"}"#, "`type`"),
            (r#"{"action":"enroll","type":"webauthn"}"#, "`type`"),
            (r#"{"action":"enroll","type":"sms"}"#, "`phone_number`"),
            (r#"{"action":"enroll","type":"sms","phone_number":"0151123456"}"#, "`phone_number`"),
            (r#"{"action":"enroll","type":"otp","phone_number":"+4915112345678"}"#, "`phone_number`"),
            (r#"{"action":"step_up"}"#, "`scope`"),
            (r#"{"action":"step_up","scope":" "}"#, "`scope`"),
            (r#"{"action":"renew","scope":"openid"}"#, "`scope`"),
        ] {
            let refusal = action(body).expect_err(body);
            assert!(refusal.contains(expected), "{body}: {refusal}");
            for value in ["hunter2", "123456"] {
                assert!(!refusal.contains(value), "{body}: {refusal}");
            }
        }
    }

    #[test]
    fn a_field_name_is_shown_cut_and_without_control_characters() {
        let body = format!(r#"{{"email":"a","password":"b","{}\u0007\n":1}}"#, "x".repeat(500));
        let refusal = action(&body).unwrap_err();
        assert!(refusal.len() < 100 && !refusal.contains('\n') && !refusal.contains('\u{7}'), "{refusal}");
    }

    #[test]
    fn deep_nesting_is_refused_and_nothing_more() {
        let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
        assert!(action(&deep).is_err());
        assert!(action(&format!(r#"{{"email":{deep},"password":"b"}}"#)).is_err());
    }

    #[test]
    fn phone_numbers_are_e164() {
        let enroll = |number: &str| {
            action(&format!(r#"{{"action":"enroll","type":"voice","phone_number":"{number}"}}"#)).is_ok()
        };
        assert!(enroll("+4915112345678"));
        assert!(enroll("+12025550123"));
        for number in ["", "+", "4915112345678", "+0491511234567", "+49 151 1234", "+4915112345678901", "+49a5112345"] {
            assert!(!enroll(number), "{number}");
        }
    }

    #[test]
    fn verify_takes_exactly_one_code() {
        assert!(matches!(code(r#"{"otp":"012345"}"#), Ok(Code::Otp(_))));
        assert!(matches!(code(r#"{"binding_code":"1"}"#), Ok(Code::Binding(_))));
        assert!(matches!(code(r#"{"recovery_code":"ABC"}"#), Ok(Code::Recovery(_))));
        assert!(matches!(code(r#"{"push":true}"#), Ok(Code::Push)));
        for (body, expected) in [
            ("{}", "exactly one"),
            (r#"{"otp":"123456","push":true}"#, "exactly one"),
            (r#"{"otp":"123456","otp":"123456"}"#, "`otp`"),
            (r#"{"otp":"12345"}"#, "`otp`"),
            (r#"{"otp":"1234567"}"#, "`otp`"),
            (r#"{"otp":"12345a"}"#, "`otp`"),
            ("{\"otp\":\"\u{661}\u{662}\u{663}\"}", "`otp`"),
            (r#"{"otp":123456}"#, "`otp`"),
            (r#"{"otp":""}"#, "`otp`"),
            (r#"{"binding_code":""}"#, "`binding_code`"),
            (r#"{"recovery_code":""}"#, "`recovery_code`"),
            (r#"{"push":false}"#, "`push`"),
            (r#"{"push":"true"}"#, "`push`"),
            (r#"{"code":"123456"}"#, "`code`"),
            (r#"{"otp":"123456","action":"verify"}"#, "`action`"),
        ] {
            let refusal = code(body).expect_err(body);
            assert!(refusal.contains(expected), "{body}: {refusal}");
            assert!(!refusal.contains("123456"), "{body}: {refusal}");
        }
    }
}
